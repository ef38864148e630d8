# R's dbscan beside bench/density.ts. Arguments: file of 32-bit floats, columns, method, minPts, eps. Prints seconds and what was found.
suppressPackageStartupMessages(library(dbscan))
given <- commandArgs(trailingOnly = TRUE)
columns <- as.integer(given[2])
size <- file.info(given[1])$size / 4
points <- matrix(readBin(given[1], "double", size, size = 4), ncol = columns, byrow = TRUE)
began <- proc.time()[["elapsed"]]
found <- if (given[3] == "hdbscan") hdbscan(points, minPts = as.integer(given[4])) else
  dbscan(points, eps = as.numeric(given[5]), minPts = as.integer(given[4]))
seconds <- proc.time()[["elapsed"]] - began
cat(sprintf('{"seconds": %f, "value": "%d clusters, %d noise"}\n', seconds, max(found$cluster), sum(found$cluster == 0)))
