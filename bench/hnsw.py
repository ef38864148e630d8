# hnswlib and faiss on the rows of two files, batch calls on one thread. One line of JSON a result.
# Usage: hnsw.py base.f32 queries.f32 columns metric M efConstruction ef,ef,.. rounds
import json
import sys
import time

import numpy

base, queries, columns, metric, M, ef_construction, efs, rounds = sys.argv[1:]
columns, M, ef_construction, rounds = int(columns), int(M), int(ef_construction), int(rounds)
efs = [int(ef) for ef in efs.split(",")]
base = numpy.fromfile(base, dtype=numpy.float32).reshape(-1, columns)
queries = numpy.fromfile(queries, dtype=numpy.float32).reshape(-1, columns)
if metric == "cosine":
    base = base / numpy.linalg.norm(base, axis=1, keepdims=True)
    queries = queries / numpy.linalg.norm(queries, axis=1, keepdims=True)


def measure(name, build_seconds, search):
    print(json.dumps({"peer": name, "buildSeconds": build_seconds}), flush=True)
    for ef in efs:
        times = []
        for _ in range(rounds):
            began = time.perf_counter()
            ids = search(ef)
            times.append(time.perf_counter() - began)
        print(json.dumps({"peer": name, "ef": ef, "seconds": times, "ids": ids.astype(int).ravel().tolist()}), flush=True)


try:
    import hnswlib

    index = hnswlib.Index(space="ip" if metric == "cosine" else "l2", dim=columns)
    index.init_index(max_elements=len(base), ef_construction=ef_construction, M=M)
    index.set_num_threads(1)
    began = time.perf_counter()
    index.add_items(base)
    build = time.perf_counter() - began

    def search(ef):
        index.set_ef(ef)
        return index.knn_query(queries, 10)[0]

    measure("hnswlib (Python, batch)", build, search)
except ImportError:
    print(json.dumps({"missing": "python3-hnswlib"}), flush=True)

try:
    import faiss

    faiss.omp_set_num_threads(1)
    kind = faiss.METRIC_INNER_PRODUCT if metric == "cosine" else faiss.METRIC_L2
    index = faiss.IndexHNSWFlat(columns, M, kind)
    index.hnsw.efConstruction = ef_construction
    began = time.perf_counter()
    index.add(base)
    build = time.perf_counter() - began

    def search(ef):
        index.hnsw.efSearch = ef
        return index.search(queries, 10)[1]

    measure("faiss HNSWFlat (batch)", build, search)
except ImportError:
    print(json.dumps({"missing": "python3-faiss"}), flush=True)
