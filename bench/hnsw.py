# hnswlib and faiss on the rows of two files, beside bench/hnsw.ts. One line of JSON a result.
# Usage: hnsw.py '{"base": "base.f32", "queries": "queries.f32", "columns": 100, "metric": "cosine", "M": 16, "efConstruction": 200,
#   "efs": [32, 64], "rounds": 3, "threads": 2, "every": 100, "folder": "/tmp/x",
#   "peers": ["hnswlib", "faiss"], "builds": true, "churnEf": 64}'
import json
import os
import sys
import time

import numpy

asked = json.loads(sys.argv[1])
columns, rounds, efs = asked["columns"], asked["rounds"], asked["efs"]
threads, M, ef_construction = asked["threads"], asked["M"], asked["efConstruction"]
base = numpy.fromfile(asked["base"], dtype=numpy.float32).reshape(-1, columns)
queries = numpy.fromfile(asked["queries"], dtype=numpy.float32).reshape(-1, columns)
cosine = asked["metric"] == "cosine"
if cosine:
    base = base / numpy.linalg.norm(base, axis=1, keepdims=True)
    queries = queries / numpy.linalg.norm(queries, axis=1, keepdims=True)
n = len(base)
allowed = numpy.arange(0, n, asked["every"])


def say(**what):
    print(json.dumps(what), flush=True)


def timed(work):
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - began)
    return times, result.astype(int).ravel().tolist()


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def curves(peer, search, set_threads):
    for count in (1, threads):
        set_threads(count)
        for ef in efs:
            seconds, ids = timed(lambda: search(ef))
            say(peer=peer, work="search", threads=count, ef=ef, seconds=seconds, ids=ids)


try:
    if "hnswlib" not in asked["peers"]:
        raise ImportError
    import hnswlib

    def new():
        index = hnswlib.Index(space="ip" if cosine else "l2", dim=columns)
        index.init_index(max_elements=n, ef_construction=ef_construction, M=M)
        return index

    def search(ef):
        index.set_ef(ef)
        return index.knn_query(queries, 10)[0]

    for count in (1, threads) if asked["builds"] else (threads,):
        before = resident()
        index = new()
        index.set_num_threads(count)
        began = time.perf_counter()
        index.add_items(base)
        say(peer="hnswlib", work="build", threads=count, seconds=[time.perf_counter() - began], bytes=resident() - before)
    curves("hnswlib", search, index.set_num_threads)
    path = os.path.join(asked["folder"], "hnswlib.bin")
    index.save_index(path)
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        opened = hnswlib.Index(space="ip" if cosine else "l2", dim=columns)
        opened.load_index(path)
        opened.set_ef(64)
        opened.knn_query(queries[:1], 10)
        times.append(time.perf_counter() - began)
    say(peer="hnswlib", work="open", seconds=times)
    os.remove(path)
    del opened
    # A tenth of the rows goes and comes again.
    index.set_num_threads(1)
    churned = numpy.arange(0, n, 10)
    began = time.perf_counter()
    for label in churned:
        index.mark_deleted(label)
    index.add_items(base[churned], churned)
    say(peer="hnswlib", work="churn", seconds=[time.perf_counter() - began], ids=search(asked["churnEf"]).astype(int).ravel().tolist())
except ImportError:
    say(missing="python3-hnswlib")

try:
    if "faiss" not in asked["peers"]:
        raise ImportError
    import faiss

    kind = faiss.METRIC_INNER_PRODUCT if cosine else faiss.METRIC_L2
    for count in (1, threads) if asked["builds"] else (threads,):
        faiss.omp_set_num_threads(count)
        before = resident()
        index = faiss.IndexHNSWFlat(columns, M, kind)
        index.hnsw.efConstruction = ef_construction
        began = time.perf_counter()
        index.add(base)
        say(peer="faiss", work="build", threads=count, seconds=[time.perf_counter() - began], bytes=resident() - before)

    def search(ef):
        index.hnsw.efSearch = ef
        return index.search(queries, 10)[1]

    curves("faiss", search, faiss.omp_set_num_threads)
    faiss.omp_set_num_threads(1)
    selector = faiss.IDSelectorBatch(allowed)
    for ef in efs:
        parameters = faiss.SearchParametersHNSW(sel=selector, efSearch=ef)
        seconds, ids = timed(lambda: index.search(queries, 10, params=parameters)[1])
        say(peer="faiss", work="filter", ef=ef, seconds=seconds, ids=ids)
except ImportError:
    say(missing="python3-faiss")
