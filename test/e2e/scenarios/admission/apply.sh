# shellcheck shell=bash
# shellcheck disable=SC2154 # $work comes from test/e2e/run
# Several writers of one object, in one version and in two; fields that do not exist.
kubectl apply -f test/e2e/examples/catalog.yaml >/dev/null

# apply_as MANAGER FILE [KUBECTL-ARGUMENTS]: server-side apply. Where the server does not validate fields yet (before 1.25),
# kubectl does, and takes a part for a whole that lacks required fields: hence --validate=false.
apply_as() {
	local manager=$1 file=$2
	shift 2
	kubectl apply -n demo --server-side --validate=false --field-manager="$manager" "$@" -f "$file" 2>&1
}
version_of() { field "$1" '{.metadata.resourceVersion}'; }

# Elements of spec.replicas belong to whoever applies them, found by name.
cat >"$work/group.yaml" <<'END_OF_GROUP'
apiVersion: sql.mssql.microsoft.com/v1alpha1
kind: SQLServerAvailabilityGroup
metadata: {name: shared, namespace: demo}
spec:
  agName: SHARED
  replicas:
    - {name: a, availabilityMode: SynchronousCommit}
    - {name: b, availabilityMode: SynchronousCommit}
  storage: {dataVolumeSize: 1Gi}
END_OF_GROUP
cat >"$work/element.yaml" <<'END_OF_ELEMENT'
apiVersion: sql.mssql.microsoft.com/v1alpha1
kind: SQLServerAvailabilityGroup
metadata: {name: shared, namespace: demo}
spec:
  replicas:
    - {name: c, availabilityMode: AsynchronousCommit}
END_OF_ELEMENT
sed 's/Asynchronous/Synchronous/' "$work/element.yaml" >"$work/other.yaml"
sed '/^spec:/,$d' "$work/element.yaml" >"$work/nothing.yaml"
check "apply: the first writer's replicas" apply_as one "$work/group.yaml"
# Applied again when the clock of managedFields has moved on, an object whose lists were defaulted stays as it is.
before=$(version_of sqlag/shared)
second=$(date +%s)
a_second_later() { (($(date +%s) > second + 1)); }
until_true 10 a_second_later >/dev/null
apply_as one "$work/group.yaml" >/dev/null
equal "apply: again, nothing changes" "$before" "$(version_of sqlag/shared)"
check "apply: another writer's replica is added" apply_as two "$work/element.yaml"
equal "apply: in the order in which they came, defaulted each for itself" "a/Automatic b/Automatic c/Manual" \
	"$(field sqlag/shared '{range .spec.replicas[*]}{.name}/{.failoverMode} {end}' | sed 's/ $//')"
before=$(version_of sqlag/shared)
apply_as one "$work/group.yaml" >/dev/null
apply_as two "$work/element.yaml" >/dev/null
equal "apply: both writers again, nothing changes" "$before" "$(version_of sqlag/shared)"
says "apply: a third writer meets the second" "$(apply_as three "$work/other.yaml")" 'conflict with "two"' availabilityMode
says "apply: a replica that nobody applies any more is not taken away" "$(apply_as two "$work/nothing.yaml")" "spec.replicas" '"c"' "must stay"

# v1 and v1alpha2 are one object to server-side apply too: an owner in one version is met in the other.
cat >"$work/short.yaml" <<'END_OF_SHORT'
apiVersion: kubedb.com/v1
kind: MSSQLServer
metadata: {name: both, namespace: demo}
spec:
  version: "2022-cu16"
  replicas: 3
  standbyMode: Hot
  storage: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
END_OF_SHORT
cat >"$work/long.yaml" <<'END_OF_LONG'
apiVersion: kubedb.com/v1alpha2
kind: MSSQLServer
metadata: {name: both, namespace: demo}
spec:
  topology: {mode: StreamingReplication, availabilityGroup: {secondaryAccessMode: Passive}}
END_OF_LONG
check "apply: in v1" apply_as short "$work/short.yaml"
says "apply: in v1alpha2 against the owner in v1" "$(apply_as long "$work/long.yaml")" 'conflict with "short"'
sed 's/Passive/All/' "$work/long.yaml" >"$work/agreed.yaml"
check "apply: in v1alpha2 with the same wish" apply_as long "$work/agreed.yaml"
before=$(version_of ms/both)
apply_as short "$work/short.yaml" >/dev/null
apply_as long "$work/agreed.yaml" >/dev/null
equal "apply: both versions again, nothing changes" "$before" "$(version_of ms/both)"
check "apply: in v1alpha2 by force" apply_as long "$work/long.yaml" --force-conflicts
equal "apply: by force, seen in v1" "Warm" "$(field mssqlservers.v1.kubedb.com/both '{.spec.standbyMode}')"

# A field that does not exist is refused by name: by kubectl itself, or by servers that validate fields (1.25).
sed -e 's/failoverThresholdSeconds/failoverTresholdSeconds/' -e 's/name: mssql-ag$/name: misspelt/' test/e2e/examples/sqlag-three-sync.yaml >"$work/misspelt.yaml"
refused "apply: a misspelt field" "$work/misspelt.yaml" failoverTresholdSeconds
sed -e 's/secondaryAccessMode/secondaryAccesMode/' -e 's/name: both/name: misspelt/' "$work/long.yaml" >"$work/misspelt.yaml"
refused "apply: a misspelt field, deep inside" "$work/misspelt.yaml" secondaryAccesMode

kubectl -n demo delete sqlag,ms --all >/dev/null
