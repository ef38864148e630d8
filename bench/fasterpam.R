# Peer of fasterpam.ts: reads the points, computes all distances, then clusters once for each line of k row numbers on stdin.
suppressMessages(library(cluster))
arguments <- commandArgs(trailingOnly = TRUE)
n <- as.integer(arguments[2])
columns <- as.integer(arguments[3])
k <- as.integer(arguments[4])
points <- matrix(readBin(arguments[1], "numeric", n * columns, size = 4), nrow = n, byrow = TRUE)
distances <- dist(points)
cat("ready", as.character(packageVersion("cluster")), "\n")
input <- file("stdin", "r")
while (length(line <- readLines(input, n = 1)) > 0) {
  start <- as.integer(strsplit(line, " ")[[1]]) + 1L
  seconds <- system.time(labels <- pam(distances, k, diss = TRUE, medoids = start, variant = "faster", cluster.only = TRUE))[["elapsed"]]
  cat(seconds, labels, "\n")
}
