{{- define "flashgrid.name" -}}
{{- $name := contains "flashgrid" .Release.Name | ternary .Release.Name (printf "%s-flashgrid" .Release.Name) -}}
{{ $name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* Labels that never change: selectors use them. Call with (list $ "gateway"). */}}
{{- define "flashgrid.selector" -}}
app.kubernetes.io/name: flashgrid
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "flashgrid.labels" -}}
{{ include "flashgrid.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version }}
{{- end }}

{{- define "flashgrid.image" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- define "flashgrid.podSecurity" -}}
automountServiceAccountToken: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "flashgrid.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{/* A variable from a secret. Call with (list name path-of-the-value {existingSecret, key}). */}}
{{- define "flashgrid.secretEnv" -}}
{{- $from := index . 2 -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ required (printf "%s.existingSecret is empty: name the secret that has it under the key %s." (index . 1) $from.key) $from.existingSecret }}
      key: {{ $from.key }}
{{- end }}

{{/* Environment that gateways and workers share. */}}
{{- define "flashgrid.env" -}}
- name: FLASHGRID_NAMESPACE
  value: {{ .Values.engine.namespace | quote }}
- name: FLASHGRID_POSTGRES_SCHEMA
  value: {{ .Values.engine.postgresSchema | quote }}
- name: FLASHGRID_LOG_LEVEL
  value: {{ .Values.engine.logLevel | quote }}
{{- range $name, $part := dict "AMQP" "rabbitmq" "REDIS" "redis" "POSTGRES" "postgres" }}
{{ include "flashgrid.secretEnv" (list (printf "FLASHGRID_%s_URL" $name) (printf "backends.%s" $part) (index $.Values.backends $part)) }}
{{- end }}
{{- end }}

{{- define "flashgrid.moreEnv" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "flashgrid.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: http }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end }}

{{/* Pods of one kind on as many nodes and zones as there are. Call with (list $ "gateway"). */}}
{{- define "flashgrid.placing" -}}
topologySpreadConstraints:
{{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "flashgrid.selector" $ | nindent 8 }}
{{- end }}
{{- $values := index (index . 0).Values (index . 1) }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Metadata of a pod. Call with (list $ "gateway"). */}}
{{- define "flashgrid.podMetadata" -}}
{{- $root := index . 0 -}}
labels:
  {{- include "flashgrid.labels" . | nindent 2 }}
  {{- with $root.Values.podLabels }}{{ toYaml . | nindent 2 }}{{ end }}
{{- with $root.Values.podAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* One pod may be away at a time. Call with (list $ "gateway"). */}}
{{- define "flashgrid.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "flashgrid.name" (index . 0) }}-{{ index . 1 }}
  labels: {{- include "flashgrid.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "flashgrid.selector" . | nindent 6 }}
{{- end }}
