/* FasterPAM as a plain loop on a matrix of 32-bit floats, for bench/fasterpam.ts: reads n rows of 32-bit floats, works out all
 * distances, and then for each line of k row numbers on stdin swaps from that start. Writes seconds, total deviation and swaps. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int n, k;
static float *distances;
static int *medoids, *nearest_slot, *second_slot;
static float *nearest, *second;
static double *removal, *loss;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

static const float *row(int j) { return distances + (size_t)j * n; }

static void find_second(int o, int except) {
  second[o] = FLT_MAX;
  for (int m = 0; m < k; m++)
    if (m != except && row(medoids[m])[o] < second[o]) {
      second[o] = row(medoids[m])[o];
      second_slot[o] = m;
    }
}

static double sum_up(void) {
  double total = 0;
  memset(removal, 0, k * sizeof(double));
  for (int o = 0; o < n; o++) {
    total += nearest[o];
    removal[nearest_slot[o]] += (double)second[o] - nearest[o];
  }
  return total;
}

static double assign_all(void) {
  for (int o = 0; o < n; o++) {
    nearest[o] = FLT_MAX;
    for (int m = 0; m < k; m++)
      if (row(medoids[m])[o] < nearest[o] || medoids[m] == o) {
        nearest[o] = row(medoids[m])[o];
        nearest_slot[o] = m;
        if (medoids[m] == o) break;
      }
    find_second(o, nearest_slot[o]);
  }
  return sum_up();
}

static double change_by(int j, int *slot) {
  const float *from = row(j);
  double all = 0;
  memcpy(loss, removal, k * sizeof(double));
  for (int o = 0; o < n; o++) {
    float v = from[o];
    if (v < nearest[o]) {
      all += (double)v - nearest[o];
      loss[nearest_slot[o]] += (double)nearest[o] - second[o];
    } else if (v < second[o])
      loss[nearest_slot[o]] += (double)v - second[o];
  }
  *slot = 0;
  for (int m = 1; m < k; m++)
    if (loss[m] < loss[*slot]) *slot = m;
  return all + loss[*slot];
}

static double swap(int i, int j) {
  const float *from = row(j);
  medoids[i] = j;
  for (int o = 0; o < n; o++) {
    float v = from[o];
    if (o == j) {
      if (nearest_slot[o] != i) {
        second[o] = nearest[o];
        second_slot[o] = nearest_slot[o];
      }
      nearest[o] = 0;
      nearest_slot[o] = i;
    } else if (nearest_slot[o] == i) {
      if (v < second[o])
        nearest[o] = v;
      else {
        nearest[o] = second[o];
        nearest_slot[o] = second_slot[o];
        find_second(o, nearest_slot[o]);
      }
    } else if (v < nearest[o]) {
      second[o] = nearest[o];
      second_slot[o] = nearest_slot[o];
      nearest[o] = v;
      nearest_slot[o] = i;
    } else if (v < second[o]) {
      second[o] = v;
      second_slot[o] = i;
    } else if (second_slot[o] == i)
      find_second(o, nearest_slot[o]);
  }
  return sum_up();
}

int main(int count, char **words) {
  if (count != 5) return 2;
  n = atoi(words[2]);
  k = atoi(words[4]);
  int columns = atoi(words[3]);
  float *points = malloc(sizeof(float) * n * columns);
  FILE *file = fopen(words[1], "rb");
  if (!file || fread(points, sizeof(float), (size_t)n * columns, file) != (size_t)n * columns) return 1;
  distances = malloc(sizeof(float) * n * n);
  medoids = malloc(sizeof(int) * k);
  nearest_slot = malloc(sizeof(int) * n);
  second_slot = malloc(sizeof(int) * n);
  nearest = malloc(sizeof(float) * n);
  second = malloc(sizeof(float) * n);
  removal = malloc(sizeof(double) * k);
  loss = malloc(sizeof(double) * k);
  char *is_medoid = malloc(n);
  for (int a = 0; a < n; a++)
    for (int b = 0; b <= a; b++) {
      float sum = 0;
      for (int column = 0; column < columns; column++) {
        float difference = points[(size_t)a * columns + column] - points[(size_t)b * columns + column];
        sum += difference * difference;
      }
      distances[(size_t)a * n + b] = distances[(size_t)b * n + a] = sqrtf(sum);
    }
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    for (int m = 0; m < k; m++)
      if (scanf("%d", medoids + m) != 1) return 0;
    double began = now();
    memset(is_medoid, 0, n);
    for (int m = 0; m < k; m++) is_medoid[medoids[m]] = 1;
    double total = assign_all();
    int last = -1, swaps = 0;
    for (int pass = 0; pass < 100; pass++) {
      int before = swaps;
      int j;
      for (j = 0; j < n && j != last; j++) {
        int slot;
        if (is_medoid[j] || change_by(j, &slot) >= -1e-9 * total) continue;
        is_medoid[medoids[slot]] = 0;
        is_medoid[j] = 1;
        total = swap(slot, j);
        last = j;
        swaps++;
      }
      if (j < n || swaps == before) break;
    }
    printf("%f %f %d\n", now() - began, total, swaps);
    fflush(stdout);
  }
}
