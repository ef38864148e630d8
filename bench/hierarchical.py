# SciPy's linkage beside bench/hierarchical.ts. Arguments: file of 32-bit floats, columns, linkage. Prints seconds and the greatest height.
import json
import sys
import time

import numpy
from scipy.cluster.hierarchy import linkage

points = numpy.fromfile(sys.argv[1], dtype=numpy.float32).reshape(-1, int(sys.argv[2])).astype(numpy.float64)
linkage(points[:100], sys.argv[3])
began = time.perf_counter()
merges = linkage(points, sys.argv[3])
print(json.dumps({"seconds": time.perf_counter() - began, "value": f"highest {merges[-1, 2]:.6f}"}))
