{{- define "triage.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "triage.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "triage.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "triage.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "triage.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "triage.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "triage.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "triage.selector" -}}
app.kubernetes.io/name: {{ include "triage.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "triage.labels" -}}
app.kubernetes.io/name: {{ include "triage.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* The enabled services. */}}
{{- define "triage.components" -}}
{{- range $component := list "worker" "router" "fallback" "helpdesk" "audit" "serve" "intake" "console" }}
{{- if (index $.Values $component).enabled }}{{ $component }} {{ end }}
{{- end }}
{{- end }}

{{- /* The consumer group of a service. It contains the release's name, so that two releases do not share a group by accident. */}}
{{- define "triage.group" -}}
{{- $service := index .root.Values .component | default dict }}
{{- if and (not (has .component (list "serve" "console"))) (has .component (splitList " " (include "triage.components" .root))) }}
{{- default (printf "%s-%s" (include "triage.fullname" .root) .component) $service.groupId }}
{{- end }}
{{- end }}

{{- /* The port of a URL. */}}
{{- define "triage.port" -}}
{{- $url := urlParse . }}
{{- $explicit := regexFind ":[0-9]+$" $url.host | trimPrefix ":" }}
{{- default (eq $url.scheme "https" | ternary "443" "80") $explicit }}
{{- end }}

{{- /* Ports of a service's egress: those of the addresses in its values, and those listed under networkPolicy. */}}
{{- define "triage.ports" -}}
{{- $values := .root.Values }}
{{- $ports := list }}
{{- if eq .other "kafka" }}
{{- range splitList "," $values.kafka.bootstrapServers }}
{{- $ports = append $ports (regexFind "[0-9]+$" .) }}
{{- end }}
{{- else if eq .other "login" }}
{{- $ports = concat $ports (include "triage.loginPorts" $values.kafka.sasl.oauth | splitList " ") }}
{{- else if ne .other "mail" }}
{{- $urls := dict "llm" $values.fallback.llm.url "helpdesk" $values.helpdesk.url "tracing" $values.tracing.endpoint "schemaRegistry" $values.schemaRegistry.url "issuer" (get $values.console.settings "TRIAGE_CONSOLE_OIDC_ISSUER") }}
{{- range splitList "," (get $urls .other) }}
{{- $ports = append $ports (include "triage.port" .) }}
{{- end }}
{{- end }}
{{- range index $values.networkPolicy (printf "%sPorts" .other) }}
{{- $ports = append $ports (toString .) }}
{{- end }}
{{- range uniq $ports }}
- {port: {{ . }}, protocol: TCP}
{{- end }}
{{- end }}

{{- /* Non-empty if services log in to Kafka by token. */}}
{{- define "triage.oauth" -}}
{{- if and (hasPrefix "SASL_" .Values.kafka.securityProtocol) (eq .Values.kafka.sasl.mechanism "OAUTHBEARER") }}yes{{ end }}
{{- end }}

{{- /* Non-empty if the client of an OpenID Connect issuer does. */}}
{{- define "triage.oidc" -}}
{{- if and (include "triage.oauth" .) (eq .Values.kafka.sasl.oauth.provider "oidc") }}yes{{ end }}
{{- end }}

{{- /* Ports where tokens come from. The clouds have a service on the node, too, which gives a pod its identity. */}}
{{- define "triage.loginPorts" -}}
{{- if eq .provider "oidc" }}
{{- include "triage.port" .tokenUrl }}
{{- else }}
{{- get (dict "aws" "443 80" "azure" "443 80" "gcp" "443 80 988") .provider | default "443" }}
{{- end }}
{{- end }}

{{- /* The variables of a login by token, as a map. */}}
{{- define "triage.oauthSettings" -}}
{{- $oauth := .Values.kafka.sasl.oauth }}
{{- if .Values.strimzi.users.enabled }}
{{- fail "strimzi.users.enabled makes users with passwords or certificates: with kafka.sasl.mechanism OAUTHBEARER, set it to false and give rights to the clients of the issuer" }}
{{- end }}
{{- $settings := dict "TRIAGE_OAUTH_PROVIDER" $oauth.provider }}
{{- if eq $oauth.provider "oidc" }}
{{- $_ := set $settings "TRIAGE_OAUTH_TOKEN_URL" (required "kafka.sasl.oauth.tokenUrl is needed with kafka.sasl.mechanism OAUTHBEARER: the issuer's token endpoint" $oauth.tokenUrl) }}
{{- if $oauth.caSecret }}
{{- $_ := set $settings "TRIAGE_OAUTH_SSL_CAFILE" "/etc/triage/issuer/ca.crt" }}
{{- end }}
{{- end }}
{{- range $value, $variable := dict "clientAuth" "CLIENT_AUTH" "scope" "SCOPE" "audience" "AUDIENCE" "parameters" "PARAMETERS" "extensions" "EXTENSIONS" }}
{{- with get $oauth $value }}
{{- $_ := set $settings (printf "TRIAGE_OAUTH_%s" $variable) . }}
{{- end }}
{{- end }}
{{- toYaml $settings }}
{{- end }}

{{- /* The region of Amazon MSK. */}}
{{- define "triage.awsRegion" -}}
{{- $named := regexFind "[.]kafka(-serverless)?[.][a-z0-9-]+[.]amazonaws[.]com" .Values.kafka.bootstrapServers }}
{{- default (trimPrefix ".kafka." $named | trimPrefix ".kafka-serverless." | trimSuffix ".amazonaws.com") .Values.kafka.sasl.oauth.awsRegion }}
{{- end }}

{{- define "triage.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* The Secret with the password or certificate of a service. */}}
{{- define "triage.kafkaUser" -}}
{{ include "triage.fullname" .root }}-{{ .component }}
{{- end }}

{{- define "triage.saslSecret" -}}
{{- if .root.Values.strimzi.users.enabled }}
{{- include "triage.kafkaUser" . }}
{{- else }}
{{- required "kafka.sasl.existingSecret is needed with a SASL_ security protocol" .root.Values.kafka.sasl.existingSecret }}
{{- end }}
{{- end }}

{{- define "triage.clientSecret" -}}
{{- if and .root.Values.strimzi.users.enabled (eq .root.Values.strimzi.users.authentication "tls") }}
{{- include "triage.kafkaUser" . }}
{{- else }}
{{- .root.Values.kafka.tls.clientSecret }}
{{- end }}
{{- end }}

{{- /* Path of a bundle on a volume, or one for each language; empty for the bundle of the image. */}}
{{- define "triage.bundle" -}}
{{- $bundle := .Values.worker.bundle }}
{{- if and $bundle.existingClaim $bundle.volume }}
{{- fail "worker.bundle.existingClaim and worker.bundle.volume are both set: set only one of them" }}
{{- end }}
{{- if and $bundle.languages $bundle.path }}
{{- fail "worker.bundle.path and worker.bundle.languages are both set: set only one of them" }}
{{- end }}
{{- if and $bundle.languages (not (hasKey $bundle.languages "*")) }}
{{- fail "worker.bundle.languages has no folder for all other languages: add \"*\"" }}
{{- end }}
{{- if and (or $bundle.existingClaim $bundle.volume) $bundle.languages }}
{{- $folders := list }}
{{- range $language, $folder := $bundle.languages }}
{{- $folders = append $folders (printf "%s=/bundles/%s" $language (trimSuffix "/" $folder)) }}
{{- end }}
{{- join "," $folders }}
{{- else if or $bundle.existingClaim $bundle.volume }}
{{- printf "/bundles/%s" $bundle.path | trimSuffix "/" }}
{{- else if $bundle.languages }}
{{- fail "worker.bundle.languages are folders of worker.bundle.existingClaim or worker.bundle.volume: set one of them" }}
{{- else if $bundle.path }}
{{- fail "worker.bundle.path is a folder of worker.bundle.existingClaim or worker.bundle.volume: set one of them" }}
{{- end }}
{{- end }}

{{- /* Non-empty if a service has the bundle of a volume. */}}
{{- define "triage.bundled" -}}
{{- if has .component (list "worker" "audit" "serve" "console") }}{{ include "triage.bundle" .root }}{{ end }}
{{- end }}

{{- /* Non-empty if a service may change the store of bundles. */}}
{{- define "triage.promotes" -}}
{{- if and (eq .component "console") .root.Values.console.promotes }}
{{- if not .root.Values.worker.bundle.existingClaim }}
{{- fail "console.promotes needs a store that can be written: set worker.bundle.existingClaim" }}
{{- end -}}
yes
{{- end }}
{{- end }}

{{- define "triage.bundleVolume" -}}
{{- $bundle := .root.Values.worker.bundle }}
{{- if $bundle.existingClaim }}
persistentVolumeClaim: {claimName: {{ $bundle.existingClaim }}, readOnly: {{ include "triage.promotes" . | empty }}}
{{- else }}
{{- toYaml $bundle.volume }}
{{- end }}
{{- end }}

{{- /* The protocol of a service's connection to Kafka; empty for the one that has no connection. */}}
{{- define "triage.protocol" -}}
{{- if ne .component "serve" }}{{ .root.Values.kafka.securityProtocol }}{{ end }}
{{- end }}

{{- /* Non-empty if a service reads the rules. */}}
{{- define "triage.routes" -}}
{{- if and (has .component (list "router" "helpdesk" "console")) .root.Values.router.routes }}yes{{ end }}
{{- end }}

{{- /* Non-empty if a service exports spans. */}}
{{- define "triage.traced" -}}
{{- if and (has .component (list "worker" "router" "fallback")) .root.Values.tracing.endpoint }}yes{{ end }}
{{- end }}

{{- /* Non-empty if a service reads or writes by schemas of a registry. */}}
{{- define "triage.byRegistry" -}}
{{- if and (has .component (list "worker" "router" "fallback" "helpdesk" "audit" "console")) .root.Values.schemaRegistry.url }}yes{{ end }}
{{- end }}

{{- /* The sources of worker.sources; empty if the topics are those of topics.input. */}}
{{- define "triage.sourceList" -}}
{{- if .Values.worker.sources }}
{{- $parsed := fromYaml .Values.worker.sources }}
{{- if or (hasKey $parsed "Error") (not (kindIs "slice" (get $parsed "sources"))) }}
{{- fail "worker.sources is no file of sources: see docs/sources.md, and check it by `triage sources check`" }}
{{- end }}
{{- toYaml $parsed.sources }}
{{- end }}
{{- end }}

{{- /* The input topics that are named, separated by blanks. */}}
{{- define "triage.inputTopics" -}}
{{- if .Values.worker.sources }}
{{- range include "triage.sourceList" . | fromYamlArray }}
{{- if kindIs "slice" .topic }}{{ join " " .topic }} {{ else if .topic }}{{ .topic }} {{ end }}
{{- end }}
{{- else if not (hasPrefix "^" .Values.topics.input) }}
{{- range $name := splitList "," .Values.topics.input }}{{ trim $name }} {{ end }}
{{- end }}
{{- end }}

{{- /* The patterns of input topics, as a YAML list. */}}
{{- define "triage.inputPatterns" -}}
{{- $patterns := list }}
{{- if .Values.worker.sources }}
{{- range include "triage.sourceList" . | fromYamlArray }}
{{- with .pattern }}{{ $patterns = append $patterns . }}{{ end }}
{{- end }}
{{- else if hasPrefix "^" .Values.topics.input }}
{{- $patterns = list .Values.topics.input }}
{{- end }}
{{- toYaml $patterns }}
{{- end }}

{{- /* How all topics begin that a pattern matches, for access rights. */}}
{{- define "triage.inputPrefix" -}}
{{- $rest := trimPrefix "^" . }}
{{- $literal := regexFind `^([a-zA-Z0-9_-]|\\\.)*` $rest }}
{{- if regexMatch `^[*?{]` (trimPrefix $literal $rest) }}
{{- $literal = regexReplaceAll `(\\\.|.)$` $literal "" }}
{{- end }}
{{- if or (contains "|" $rest) (not $literal) }}
{{- fail (printf "strimzi.users cannot derive rights from the pattern of input topics %s: begin it with the letters that all of its topics begin with, and no |" .) }}
{{- end }}
{{- $literal | replace "\\." "." }}
{{- end }}

{{- /* Non-empty if a pod has the file of sources. */}}
{{- define "triage.sources" -}}
{{- if and (has .component (list "worker" "test")) .root.Values.worker.sources }}yes{{ end }}
{{- end }}

{{- /* All variables as one map. Later maps override earlier ones: from general to specific. */}}
{{- define "triage.settings" -}}
{{- $values := .root.Values }}
{{- $service := index $values .component | default (dict "settings" dict) }}
{{- $settings := dict
  "TRIAGE_BOOTSTRAP_SERVERS" (required "kafka.bootstrapServers is needed: host:port of the brokers" $values.kafka.bootstrapServers)
  "TRIAGE_SECURITY_PROTOCOL" $values.kafka.securityProtocol
  "TRIAGE_HTTP_HOST" "::"
  "TRIAGE_HTTP_PORT" "8080"
  "TRIAGE_LOG_FORMAT" "json"
  "TRIAGE_INPUT_TOPIC" $values.topics.input
  "TRIAGE_OUTPUT_TOPIC" $values.topics.output
  "TRIAGE_FALLBACK_TOPIC" $values.topics.fallback
  "TRIAGE_DEAD_LETTER_TOPIC" $values.topics.deadLetter
  "TRIAGE_TICKETS_TOPIC" $values.topics.tickets
  "TRIAGE_ALERTS_TOPIC" $values.topics.alerts
  "TRIAGE_REVIEW_TOPIC" $values.topics.review
  "TRIAGE_LABELS_TOPIC" $values.topics.labels
  "TRIAGE_INTAKE_TOPIC" $values.topics.intake }}
{{- if eq .component "intake" }}
{{- $_ := set $settings "TRIAGE_HTTP_PORT" "8000" }}
{{- $_ := set $settings "TRIAGE_INTAKE_PROBE_PORT" "8080" }}
{{- $_ := set $settings "TRIAGE_INTAKE_SOURCES" "/etc/triage/intake/intake.yaml" }}
{{- end }}
{{- if eq .component "serve" }}
{{- $settings = dict
  "TRIAGE_HTTP_HOST" "::"
  "TRIAGE_HTTP_PORT" "8000"
  "TRIAGE_SERVE_PROBE_PORT" "8080"
  "TRIAGE_SERVE_KEYS" "/etc/triage/keys/keys.yaml"
  "TRIAGE_LOG_FORMAT" "json" }}
{{- end }}
{{- /* A worker for which it is set follows it. */}}
{{- if and (ne .component "serve") (or $values.audit.enabled (has .component (list "console" "setup" "test"))) }}
{{- $_ := set $settings "TRIAGE_CONTROL_TOPIC" $values.topics.control }}
{{- end }}
{{- if has .component (list "console" "setup" "test") }}
{{- $_ := set $settings "TRIAGE_ACTS_TOPIC" $values.topics.acts }}
{{- end }}
{{- if eq .component "console" }}
{{- $_ := set $settings "TRIAGE_HTTP_PORT" "8000" }}
{{- $_ := set $settings "TRIAGE_CONSOLE_PROBE_PORT" "8080" }}
{{- $_ := set $settings "TRIAGE_CONSOLE_STATE" "/state/console.sqlite" }}
{{- $_ := set $settings "TRIAGE_CONSOLE_METRICS_URLS" (printf "http://%s-metrics:8080/metrics" (include "triage.fullname" .root)) }}
{{- if $service.usersSecret }}
{{- $_ := set $settings "TRIAGE_CONSOLE_USERS" "/etc/triage/users/users.yaml" }}
{{- else if not (hasKey $service.settings "TRIAGE_CONSOLE_OIDC_ISSUER") }}
{{- fail "console.usersSecret or console.settings.TRIAGE_CONSOLE_OIDC_ISSUER is needed with console.enabled: people have to sign in" }}
{{- end }}
{{- end }}
{{- with include "triage.group" . }}
{{- $_ := set $settings "TRIAGE_GROUP_ID" . }}
{{- end }}
{{- if hasPrefix "SASL_" (include "triage.protocol" .) }}
{{- $_ := set $settings "TRIAGE_SASL_MECHANISM" $values.kafka.sasl.mechanism }}
{{- end }}
{{- if and (ne .component "serve") (include "triage.oauth" .root) }}
{{- $settings = merge (include "triage.oauthSettings" .root | fromYaml) $settings }}
{{- end }}
{{- if hasSuffix "SSL" (include "triage.protocol" .) }}
{{- if $values.kafka.tls.caSecret }}
{{- $_ := set $settings "TRIAGE_SSL_CAFILE" "/etc/triage/ca/ca.crt" }}
{{- end }}
{{- if include "triage.clientSecret" . }}
{{- $_ := set $settings "TRIAGE_SSL_CERTFILE" "/etc/triage/client/tls.crt" }}
{{- $_ := set $settings "TRIAGE_SSL_KEYFILE" "/etc/triage/client/tls.key" }}
{{- end }}
{{- end }}
{{- if include "triage.byRegistry" . }}
{{- $registry := $values.schemaRegistry }}
{{- $_ := set $settings "TRIAGE_SCHEMA_REGISTRY_URL" $registry.url }}
{{- if ne $registry.outputFormat "json" }}
{{- $_ := set $settings "TRIAGE_OUTPUT_FORMAT" $registry.outputFormat }}
{{- $_ := set $settings "TRIAGE_SCHEMA_REGISTRATION" $registry.registration }}
{{- with $registry.compatibility }}
{{- $_ := set $settings "TRIAGE_SCHEMA_COMPATIBILITY" . }}
{{- end }}
{{- end }}
{{- else if ne $values.schemaRegistry.outputFormat "json" }}
{{- $_ := required "schemaRegistry.url is needed with another schemaRegistry.outputFormat than json" $values.schemaRegistry.url }}
{{- end }}
{{- if and (eq .component "audit") $values.worker.bundle.languages (not (hasKey $service.settings "TRIAGE_BUNDLE")) }}
{{- fail "audit.enabled audits one bundle: with worker.bundle.languages, set audit.settings.TRIAGE_BUNDLE to the folder of one" }}
{{- end }}
{{- with include "triage.bundled" . }}
{{- $_ := set $settings "TRIAGE_BUNDLE" . }}
{{- end }}
{{- if eq .component "worker" }}
{{- if $values.audit.enabled }}
{{- $_ := set $settings "TRIAGE_AUDIT_SHARE" $values.audit.share }}
{{- end }}
{{- if $service.gpu.enabled }}
{{- $_ := set $settings "TRIAGE_DEVICE" "cuda" }}
{{- end }}
{{- end }}
{{- if $values.worker.sources }}
{{- $_ := unset $settings "TRIAGE_INPUT_TOPIC" }}
{{- with include "triage.inputTopics" .root | trim | splitList " " | compact }}
{{- if eq $.component "setup" }}
{{- $_ := set $settings "TRIAGE_INPUT_TOPIC" (join "," .) }}
{{- end }}
{{- end }}
{{- end }}
{{- if include "triage.sources" . }}
{{- $_ := set $settings "TRIAGE_SOURCES" "/etc/triage/sources/sources.yaml" }}
{{- end }}
{{- if include "triage.routes" . }}
{{- $_ := set $settings "TRIAGE_ROUTES" "/etc/triage/routes/routes.yaml" }}
{{- end }}
{{- if eq .component "router" }}
{{- $_ := set $settings "TRIAGE_STATE_DIR" "/state" }}
{{- end }}
{{- if eq .component "helpdesk" }}
{{- $_ := set $settings "TRIAGE_HELPDESK" $service.kind }}
{{- $_ := set $settings "TRIAGE_HELPDESK_URL" (required "helpdesk.url is needed with helpdesk.enabled" $service.url) }}
{{- if has $service.kind (list "zendesk" "gorgias" "intercom") }}
{{- $_ := set $settings "TRIAGE_HELPDESK_USER" (required "helpdesk.user is needed with helpdesk.enabled" $service.user) }}
{{- end }}
{{- if $service.pollSeconds }}
{{- $_ := set $settings "TRIAGE_HELPDESK_POLL_S" $service.pollSeconds }}
{{- end }}
{{- end }}
{{- if eq .component "fallback" }}
{{- $_ := set $settings "TRIAGE_LLM_URL" (required "fallback.llm.url is needed with fallback.enabled" $service.llm.url) }}
{{- $_ := set $settings "TRIAGE_LLM_MODEL" (required "fallback.llm.model is needed with fallback.enabled" $service.llm.model) }}
{{- with $service.llm.keyHeader }}
{{- $_ := set $settings "TRIAGE_LLM_KEY_HEADER" . }}
{{- end }}
{{- end }}
{{- merge (dict) $service.settings $values.settings $settings | toYaml }}
{{- end }}

{{- define "triage.env" -}}
{{- range $name, $value := include "triage.settings" . | fromYaml }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- if and (ne .component "serve") (include "triage.oidc" .root) }}
{{- $secret := required "kafka.sasl.existingSecret is needed with kafka.sasl.mechanism OAUTHBEARER: a Secret with id and secret of the client" .root.Values.kafka.sasl.existingSecret }}
- name: TRIAGE_OAUTH_CLIENT_ID
  valueFrom:
    secretKeyRef: {name: {{ $secret }}, key: {{ .root.Values.kafka.sasl.oauth.clientIdKey }}}
- name: TRIAGE_OAUTH_CLIENT_SECRET
  valueFrom:
    secretKeyRef: {name: {{ $secret }}, key: {{ .root.Values.kafka.sasl.oauth.clientSecretKey }}}
{{- else if and (ne .component "serve") (include "triage.oauth" .root) }}
{{- if and (eq .root.Values.kafka.sasl.oauth.provider "aws") .root.Values.kafka.sasl.oauth.awsRegion }}
- name: AWS_REGION
  value: {{ .root.Values.kafka.sasl.oauth.awsRegion }}
{{- end }}
{{- else if hasPrefix "SASL_" (include "triage.protocol" .) }}
- name: TRIAGE_SASL_USERNAME
{{- if .root.Values.strimzi.users.enabled }}
  value: {{ include "triage.kafkaUser" . | quote }}
{{- else }}
  valueFrom:
    secretKeyRef: {name: {{ include "triage.saslSecret" . }}, key: {{ .root.Values.kafka.sasl.usernameKey }}}
{{- end }}
- name: TRIAGE_SASL_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ include "triage.saslSecret" . }}, key: {{ .root.Values.kafka.sasl.passwordKey }}}
{{- end }}
{{- if and (include "triage.byRegistry" .) .root.Values.schemaRegistry.existingSecret }}
{{- $registry := .root.Values.schemaRegistry }}
- name: TRIAGE_SCHEMA_REGISTRY_USERNAME
  valueFrom:
    secretKeyRef: {name: {{ $registry.existingSecret }}, key: {{ $registry.usernameKey }}}
- name: TRIAGE_SCHEMA_REGISTRY_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ $registry.existingSecret }}, key: {{ $registry.passwordKey }}}
{{- end }}
{{- if include "triage.traced" . }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .root.Values.tracing.endpoint | quote }}
{{- range $name, $value := .root.Values.tracing.env }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- if eq .component "helpdesk" }}
- name: TRIAGE_HELPDESK_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ required "helpdesk.existingSecret is needed with helpdesk.enabled" .root.Values.helpdesk.existingSecret }}
      key: {{ .root.Values.helpdesk.tokenKey }}
{{- end }}
{{- if and (eq .component "fallback") .root.Values.fallback.llm.existingSecret }}
- name: TRIAGE_LLM_API_KEY
  valueFrom:
    secretKeyRef: {name: {{ .root.Values.fallback.llm.existingSecret }}, key: {{ .root.Values.fallback.llm.apiKeyKey }}}
{{- end }}
{{- if and (eq .component "fallback") .root.Values.fallback.llm.headersKey }}
- name: TRIAGE_LLM_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ required "fallback.llm.existingSecret is needed with fallback.llm.headersKey" .root.Values.fallback.llm.existingSecret }}
      key: {{ .root.Values.fallback.llm.headersKey }}
{{- end }}
{{- with .root.Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "triage.volumeMounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if hasSuffix "SSL" (include "triage.protocol" .) }}
{{- if .root.Values.kafka.tls.caSecret }}
- {name: kafka-ca, mountPath: /etc/triage/ca, readOnly: true}
{{- end }}
{{- if include "triage.clientSecret" . }}
- {name: kafka-client, mountPath: /etc/triage/client, readOnly: true}
{{- end }}
{{- end }}
{{- if and (ne .component "serve") (include "triage.oidc" .root) .root.Values.kafka.sasl.oauth.caSecret }}
- {name: issuer-ca, mountPath: /etc/triage/issuer, readOnly: true}
{{- end }}
{{- $promotes := include "triage.promotes" . }}
{{- if include "triage.bundled" . }}
- {name: bundles, mountPath: /bundles, readOnly: {{ empty $promotes }}}
{{- end }}
{{- if eq .component "router" }}
- {name: state, mountPath: /state}
{{- end }}
{{- if include "triage.routes" . }}
- {name: routes, mountPath: /etc/triage/routes, readOnly: true}
{{- end }}
{{- if eq .component "console" }}
- {name: state, mountPath: /state}
{{- if .root.Values.console.usersSecret }}
- {name: users, mountPath: /etc/triage/users, readOnly: true}
{{- end }}
{{- end }}
{{- if eq .component "serve" }}
- {name: keys, mountPath: /etc/triage/keys, readOnly: true}
{{- end }}
{{- if eq .component "intake" }}
- {name: intake, mountPath: /etc/triage/intake, readOnly: true}
{{- if .root.Values.intake.secretsSecret }}
- {name: intake-secrets, mountPath: /etc/triage/intake-secrets, readOnly: true}
{{- end }}
{{- end }}
{{- if include "triage.sources" . }}
- {name: sources, mountPath: /etc/triage/sources, readOnly: true}
{{- end }}
{{- with .root.Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "triage.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
{{- if hasSuffix "SSL" (include "triage.protocol" .) }}
{{- if .root.Values.kafka.tls.caSecret }}
- name: kafka-ca
  secret:
    secretName: {{ .root.Values.kafka.tls.caSecret }}
    items: [{key: {{ .root.Values.kafka.tls.caKey }}, path: ca.crt}]
{{- end }}
{{- with include "triage.clientSecret" . }}
- name: kafka-client
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
      - {key: {{ $.root.Values.kafka.tls.certKey }}, path: tls.crt}
      - {key: {{ $.root.Values.kafka.tls.keyKey }}, path: tls.key}
{{- end }}
{{- end }}
{{- if and (ne .component "serve") (include "triage.oidc" .root) .root.Values.kafka.sasl.oauth.caSecret }}
- name: issuer-ca
  secret:
    secretName: {{ .root.Values.kafka.sasl.oauth.caSecret }}
    items: [{key: {{ .root.Values.kafka.sasl.oauth.caKey }}, path: ca.crt}]
{{- end }}
{{- if include "triage.bundled" . }}
- name: bundles
  {{- include "triage.bundleVolume" . | trim | nindent 2 }}
{{- end }}
{{- if eq .component "router" }}
- name: state
  {{- with .root.Values.router.state }}
  {{- if .existingClaim }}
  persistentVolumeClaim: {claimName: {{ .existingClaim }}}
  {{- else }}
  emptyDir: {sizeLimit: {{ .sizeLimit }}}
  {{- end }}
  {{- end }}
{{- end }}
{{- if include "triage.routes" . }}
- name: routes
  configMap: {name: {{ include "triage.fullname" .root }}-routes}
{{- end }}
{{- if eq .component "console" }}
- name: state
  emptyDir: {sizeLimit: {{ .root.Values.console.state.sizeLimit }}}
{{- with .root.Values.console.usersSecret }}
- name: users
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items: [{key: {{ $.root.Values.console.usersKey }}, path: users.yaml}]
{{- end }}
{{- end }}
{{- if eq .component "serve" }}
- name: keys
  secret:
    secretName: {{ required "serve.keysSecret is needed with serve.enabled: a Secret with the file that `triage serve key` makes" .root.Values.serve.keysSecret }}
    defaultMode: 0440
    items: [{key: {{ .root.Values.serve.keysKey }}, path: keys.yaml}]
{{- end }}
{{- if eq .component "intake" }}
- name: intake
  configMap: {name: {{ include "triage.fullname" .root }}-intake}
{{- with .root.Values.intake.secretsSecret }}
- name: intake-secrets
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end }}
{{- if include "triage.sources" . }}
- name: sources
  configMap: {name: {{ include "triage.fullname" .root }}-sources}
{{- end }}
{{- with .root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "triage.scalingBehavior" }}
scaleUp:
  stabilizationWindowSeconds: 0
  policies: [{type: Pods, value: {{ .scaleUp.pods }}, periodSeconds: {{ .scaleUp.periodSeconds }}}]
scaleDown:
  stabilizationWindowSeconds: {{ .scaleDown.stabilizationSeconds }}
  policies: [{type: Pods, value: {{ .scaleDown.pods }}, periodSeconds: {{ .scaleDown.periodSeconds }}}]
{{- end }}
