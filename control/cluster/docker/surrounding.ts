import type Docker from 'dockerode';
import type { StepReporter } from '../steps.ts';
import type { BackendSpec, ImageFacts } from './backend-spec.ts';
import type { ClusterFile } from './cluster-file.ts';

/** What all containers of a cluster share. */
export interface Surrounding {
  readonly docker: Docker;
  readonly clusterId: string;
  readonly appVersion: string;
  readonly file: ClusterFile;
}

/** One backend of the cluster, and the step that works on it. */
export interface BackendUse {
  readonly around: Surrounding;
  readonly spec: BackendSpec;
  readonly facts: ImageFacts;
  readonly step: StepReporter;
}
