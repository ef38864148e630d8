# Peer of fasterpam.ts: reads the points, computes all distances, then clusters once for each line on stdin.
suppressMessages(library(cluster))
arguments <- commandArgs(trailingOnly = TRUE)
n <- as.integer(arguments[2])
columns <- as.integer(arguments[3])
k <- as.integer(arguments[4])
points <- matrix(readBin(arguments[1], "numeric", n * columns, size = 4), nrow = n, byrow = TRUE)
distances <- dist(points)
square <- as.matrix(distances)
cat("ready", as.character(packageVersion("cluster")), "\n")
input <- file("stdin", "r")
while (length(line <- readLines(input, n = 1)) > 0) {
  set.seed(as.integer(line))
  seconds <- system.time(labels <- pam(distances, k, diss = TRUE, medoids = "random", variant = "faster", cluster.only = TRUE))[["elapsed"]]
  # With cluster.only there are no medoids: the best ones for its clusters, so never worse than what it had.
  objective <- sum(sapply(split(seq_len(n), labels), function(members) min(colSums(square[members, members, drop = FALSE]))))
  cat(seconds, objective, "\n")
}
