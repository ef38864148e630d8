# scikit-learn's DBSCAN beside bench/density.ts. Arguments: file of 32-bit floats, columns, minPts, eps, threads.
import json
import sys
import time

import numpy
from sklearn.cluster import DBSCAN

points = numpy.fromfile(sys.argv[1], dtype=numpy.float32).reshape(-1, int(sys.argv[2]))
model = DBSCAN(eps=float(sys.argv[4]), min_samples=int(sys.argv[3]), n_jobs=int(sys.argv[5]))
began = time.perf_counter()
labels = model.fit_predict(points)
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "value": f"{labels.max() + 1} clusters, {(labels < 0).sum()} noise"}))
