# scikit-learn beside bench/kmeans.ts: answers one request a line, {"work", "file", ...}, with one line of JSON.
import json
import os
import sys
import time

threads = sys.argv[1]
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = threads
import warnings  # noqa: E402

import numpy  # noqa: E402
import sklearn  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402
from sklearn.metrics import silhouette_score  # noqa: E402
from sklearn.mixture import GaussianMixture  # noqa: E402

warnings.filterwarnings("ignore")
files = {}


def rows(path, columns):
    if path not in files:
        files[path] = numpy.fromfile(path, dtype=numpy.float32).reshape(-1, columns)
    return files[path]


def used():
    return time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)


def answer(asked):
    points = rows(asked["file"], asked["columns"])
    work = asked["work"]
    if work in ("lloyd", "elkan"):
        model = KMeans(
            asked["k"],
            init=points[asked["start"]],
            n_init=1,
            tol=asked["tol"],
            max_iter=asked["maxIterations"],
            algorithm=work,
        )
        began, cpu = time.perf_counter(), used()
        model.fit(points)
        return {"seconds": time.perf_counter() - began, "cpu": used() - cpu, "value": float(model.inertia_), "iterations": model.n_iter_}
    if work == "mixture":
        labels = numpy.fromfile(asked["labels"], dtype=numpy.int32)
        k = asked["k"]
        points = points.astype(numpy.float64)
        model = GaussianMixture(k, tol=asked["tol"], max_iter=asked["maxIterations"], reg_covar=1e-6)
        start = numpy.zeros((len(points), k))
        start[numpy.arange(len(points)), labels] = 1
        began, cpu = time.perf_counter(), used()
        model._initialize(points, start)
        model.warm_start = True
        model.converged_ = False
        model.lower_bound_ = -numpy.inf
        model.fit(points)
        seconds, cpu = time.perf_counter() - began, used() - cpu
        return {"seconds": seconds, "cpu": cpu, "value": float(model.score(points)), "iterations": model.n_iter_}
    labels = numpy.fromfile(asked["labels"], dtype=numpy.int32)
    began, cpu = time.perf_counter(), used()
    value = silhouette_score(points, labels)
    return {"seconds": time.perf_counter() - began, "cpu": used() - cpu, "value": float(value), "iterations": 1}


with open("/proc/self/maps") as maps:
    loaded = {os.path.realpath(line.split()[-1]) for line in maps if "/lib" in line and "blas" in os.path.basename(line.split()[-1])}
blas = sorted(os.path.basename(path) for path in loaded if os.path.basename(path).startswith("lib"))
print(json.dumps({"version": sklearn.__version__, "blas": ", ".join(blas) or "of its own"}), flush=True)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
