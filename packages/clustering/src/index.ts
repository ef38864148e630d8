export {
  type Agreement,
  accuracy,
  adjustedMutualInformation,
  adjustedRandIndex,
  agreement,
  type Contingency,
  type ContingencyOptions,
  completeness,
  contingency,
  type EntropyMean,
  entropy,
  fowlkesMallows,
  homogeneity,
  mutualInformation,
  normalisedMutualInformation,
  vMeasure,
} from './agreement.ts'
export { alternating } from './alternating.ts'
export { assignToMedoids, type MedoidsModel, medoidsModel } from './assign-to-medoids.ts'
export { balancedAssignment, balancedKMeans } from './balanced-k-means.ts'
export { type BisectingOptions, bisectingKMeans } from './bisecting-k-means.ts'
export { clusterMedoids } from './cluster-medoids.ts'
export type { CondensedTree } from './condensed-tree.ts'
export { type Dbscan, type DbscanModel, type DbscanOptions, dbscan, dbscanOf } from './dbscan.ts'
export { type DynMsc, type DynMscOptions, dynMsc } from './dyn-msc.ts'
export { type FastClaransOptions, fastClarans } from './fast-clarans.ts'
export { type FasterClaraOptions, fasterClara } from './faster-clara.ts'
export { fasterMsc, fastMsc, pamMedSil } from './faster-msc.ts'
export { type FasterPamOptions, fasterPam } from './faster-pam.ts'
export { type GowerColumn, gower, gowerKinds } from './gower.ts'
export { type Hdbscan, type HdbscanModel, type HdbscanOptions, hdbscan, hdbscanOf } from './hdbscan.ts'
export {
  type AgglomerativeOptions,
  agglomerative,
  type Cut,
  copheneticCorrelation,
  cutByCount,
  cutByHeight,
  type Hierarchy,
  type Linkage,
  leafOrder,
  linkages,
} from './hierarchical.ts'
export { type Init, inits } from './initial-medoids.ts'
export {
  type CentresMetric,
  type CentresModel,
  centresMatrix,
  type KMeans,
  type KMeansOptions,
  kMeans,
  nearestCentres,
} from './k-means.ts'
export { type KMeansInit, kMeansInits } from './k-means-starts.ts'
export type { Algorithm } from './k-means-workspace.ts'
export { kMedians } from './k-medians.ts'
export type { KMedoids, KMedoidsOptions } from './k-medoids.ts'
export type { MatrixChoice } from './k-medoids-workspace.ts'
export { type MatchedLabels, matchLabels } from './match-labels.ts'
export { bestMatching, type Matching } from './matching.ts'
export { type MiniBatchOptions, miniBatchKMeans } from './mini-batch-k-means.ts'
export {
  type CovarianceType,
  covarianceTypes,
  type GaussianMixture,
  type GaussianMixtureOptions,
  gaussianMixture,
  type MixtureModel,
  mixtureOf,
  mixtureParameters,
} from './mixture.ts'
export { openModel, type SavedModel, saveModel } from './models.ts'
export { type OneBatchPamOptions, oneBatchPam } from './one-batch-pam.ts'
export { fastPam1, fastPam2, pam } from './pam.ts'
export { pamSil } from './pam-sil.ts'
export { type ClusterProfile, clusterProfile, type Difference } from './profile.ts'
export { type Projection, project } from './project.ts'
export { resizeMedoids } from './resize-medoids.ts'
export { medoidSilhouette, type Silhouettes, silhouette } from './silhouette.ts'
export { sphericalKMeans } from './spherical-k-means.ts'
export {
  type ColumnScales,
  completeRows,
  type Missing,
  missingChoices,
  type Standardisation,
  scaleColumns,
  standardisations,
  standardise,
} from './standardise.ts'
export { type TrimmedOptions, trimmedKMeans } from './trimmed-k-means.ts'
export {
  calinskiHarabasz,
  daviesBouldin,
  dunn,
  type Gap,
  type GapOptions,
  gapStatistic,
  type Index,
  type IndexOptions,
  type PointSilhouetteOptions,
  type PointSilhouettes,
  pointSilhouette,
  type StabilityOptions,
  simplifiedSilhouette,
  stability,
} from './validity.ts'
export {
  type CategoryVariable,
  type MissingRule,
  missingRules,
  type NumberVariable,
  type Scaling,
  scalings,
  type Variable,
  type VariablePoints,
  type VariablesOptions,
  variablePoints,
} from './variables.ts'
