# hnswlib and faiss on the rows of two files, for bench/hnsw.ts, which asks by lines of JSON and is answered by lines of JSON, so that
# theirs and ours take turns. The first argument says what there is:
# {"base": "base.f32", "queries": "queries.f32", "columns": 100, "metric": "cosine", "M": 16, "efConstruction": 200, "every": 100, "folder": "/tmp/x"}
import json
import os
import sys
import time

import numpy

about = json.loads(sys.argv[1])
columns, M, ef_construction = about["columns"], about["M"], about["efConstruction"]
base = numpy.fromfile(about["base"], dtype=numpy.float32).reshape(-1, columns)
queries = numpy.fromfile(about["queries"], dtype=numpy.float32).reshape(-1, columns)
cosine = about["metric"] == "cosine"
if cosine:
    base = base / numpy.linalg.norm(base, axis=1, keepdims=True)
    queries = queries / numpy.linalg.norm(queries, axis=1, keepdims=True)
n = len(base)


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def timed(work):
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


class Hnswlib:
    def __init__(self):
        import hnswlib

        self.module = hnswlib

    def new(self):
        return self.module.Index(space="ip" if cosine else "l2", dim=columns)

    def build(self, threads):
        before = resident()
        self.index = self.new()
        self.index.init_index(max_elements=n, ef_construction=ef_construction, M=M)
        self.index.set_num_threads(threads)
        seconds, _ = timed(lambda: self.index.add_items(base))
        return {"seconds": seconds, "bytes": resident() - before}

    def search(self, ef, threads):
        self.index.set_num_threads(threads)
        self.index.set_ef(ef)
        seconds, found = timed(lambda: self.index.knn_query(queries, 10)[0])
        return {"seconds": seconds, "ids": found}

    def open(self):
        path = os.path.join(about["folder"], "hnswlib.bin")
        self.index.save_index(path)

        def work():
            opened = self.new()
            opened.load_index(path)
            opened.set_ef(64)
            opened.knn_query(queries[:1], 10)

        seconds, _ = timed(work)
        os.remove(path)
        return {"seconds": seconds}

    def churn(self, ef):
        churned = numpy.arange(0, n, 10)

        def work():
            for label in churned:
                self.index.mark_deleted(label)
            self.index.add_items(base[churned], churned)

        self.index.set_num_threads(1)
        seconds, _ = timed(work)
        return {"seconds": seconds, "ids": self.search(ef, 1)["ids"]}


class Faiss:
    def __init__(self):
        import faiss

        self.module = faiss
        self.selector = faiss.IDSelectorBatch(numpy.arange(0, n, about["every"]))

    def build(self, threads):
        self.module.omp_set_num_threads(threads)
        before = resident()
        kind = self.module.METRIC_INNER_PRODUCT if cosine else self.module.METRIC_L2
        self.index = self.module.IndexHNSWFlat(columns, M, kind)
        self.index.hnsw.efConstruction = ef_construction
        seconds, _ = timed(lambda: self.index.add(base))
        return {"seconds": seconds, "bytes": resident() - before}

    def search(self, ef, threads):
        self.module.omp_set_num_threads(threads)
        self.index.hnsw.efSearch = ef
        seconds, found = timed(lambda: self.index.search(queries, 10)[1])
        return {"seconds": seconds, "ids": found}

    def filter(self, ef):
        self.module.omp_set_num_threads(1)
        parameters = self.module.SearchParametersHNSW(sel=self.selector, efSearch=ef)
        seconds, found = timed(lambda: self.index.search(queries, 10, params=parameters)[1])
        return {"seconds": seconds, "ids": found}


peers = {}
for name, make in {"hnswlib": Hnswlib, "faiss": Faiss}.items():
    try:
        peers[name] = make()
    except ImportError:
        pass
print(json.dumps(list(peers)), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    answer = getattr(peers[asked.pop("peer")], asked.pop("work"))(**asked)
    if "ids" in answer:
        answer["ids"] = answer["ids"].astype(int).ravel().tolist()
    print(json.dumps(answer), flush=True)
