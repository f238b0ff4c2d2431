# shellcheck shell=bash
# shellcheck disable=SC2154 # $work comes from test/e2e/run
# Rights and secrets: nothing that is not used, and no password anywhere.
as=(--as=system:serviceaccount:agkeeper-system:agkeeper)
can() { kubectl auth can-i "$@" "${as[@]}" 2>/dev/null; }
for question in "list secrets --all-namespaces" "watch secrets --all-namespaces" "list secrets -n agkeeper-system" "create pods/exec --all-namespaces" \
	"get pods/log --all-namespaces" "create pods --all-namespaces" "delete mssqlservers.kubedb.com --all-namespaces" "create clusterroles" "impersonate users" \
	"deletecollection pods --all-namespaces" "update nodes" "delete namespaces"; do
	# shellcheck disable=SC2086 # words
	equal "rights: may not $question" no "$(can $question)"
done
equal "rights: secrets by name only" "create delete get patch" \
	"$(kubectl auth can-i --list "${as[@]}" -n demo | awk '$1 == "secrets"' | grep -oE '\[[^]]*\]$' | tr -d '[]' | tr ' ' '\n' | sort -u | xargs)"

# A group with a password that can be looked for.
kubectl -n demo create secret generic quiet-sa --from-literal=SA_PASSWORD='Needle-In-1-Haystack' >/dev/null
kubectl -n demo apply -f - >/dev/null <<'YAML'
apiVersion: sql.mssql.microsoft.com/v1alpha1
kind: SQLServerAvailabilityGroup
metadata: {name: quiet, namespace: demo}
spec:
  agName: QUIET
  image: mcr.microsoft.com/mssql/server:2022-CU16-ubuntu-22.04
  saPasswordSecretRef: {name: quiet-sa}
  replicas: [{name: a}, {name: b}]
  storage: {dataVolumeSize: 1Gi}
YAML
check "secrets: a group with a given password is Ready" ready sqlag/quiet 120
own=$(kubectl -n demo get secret quiet-agkeeper -o jsonpath='{.data.controllerPassword}' | base64 -d)
master=$(kubectl -n demo get secret quiet-agkeeper -o jsonpath='{.data.masterKeyPassword}' | base64 -d)
check "secrets: the controller has a password of its own" test -n "$own" -a -n "$master"
{
	kubectl get events -A -o yaml
	kubectl get sqlag,ms,pods,statefulsets,configmaps,services,leases -A -o yaml
	for ip in $(kubectl -n agkeeper-system get pods -o jsonpath='{.items[*].status.podIP}'); do curl -s "http://$ip:8080/metrics"; done
	$here || cat "$work/cluster/simnode/logs"/*
} >"$work/everything" 2>&1
for secret in Needle-In-1-Haystack "$own" "$master"; do
	equal "secrets: no password in logs, events, status, metrics" 0 "$(grep -cF -- "$secret" "$work/everything")"
done
check "secrets: (something was looked through)" grep -q agkeeper_ "$work/everything"
check "secrets: deleted" kubectl -n demo delete sqlag quiet --timeout=120s
kubectl -n demo delete pvc -l app.kubernetes.io/instance=quiet >/dev/null # they are kept with the group gone
check "secrets: a Secret that the user made is kept" kubectl -n demo get secret quiet-sa
kubectl -n demo delete secret quiet-sa >/dev/null
kubectl -n demo delete secrets -l app.kubernetes.io/component=database >/dev/null
