# shellcheck shell=bash
# shellcheck disable=SC2154 # $work comes from test/e2e/run
# agkeeper itself in the cluster: restarts, certificates, metrics.

says "disruption budget: made by agkeeper itself" "$(kubectl -n agkeeper-system get pdb agkeeper -o jsonpath='{.spec.minAvailable} {.metadata.ownerReferences[0].kind}')" "1 Deployment"
says "starter catalogue: created" "$(kubectl get mssqlserverversions -o name)" "2022-cu19" "2025-cu3"

# The CA bundle is put back when somebody removes it.
kubectl patch validatingwebhookconfiguration agkeeper --type json -p '[{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}]' >/dev/null
has_bundle() { kubectl get validatingwebhookconfiguration agkeeper -o jsonpath='{.webhooks[0].clientConfig.caBundle}' | grep -q .; }
check "certificates: a CA bundle that was removed is injected again" until_true 60 has_bundle

# Both replicas of the program restarted, one after the other, while objects are applied: none is turned away.
cat >"$work/probe.yaml" <<'END'
apiVersion: kubedb.com/v1alpha2
kind: MSSQLServer
metadata: {name: probe, namespace: demo}
spec:
  version: "2022-cu19"
  storage: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
END
write_until() { # until the file is there, objects are applied; what is turned away is written down
	local file=$1 output
	until [[ -e $file ]]; do
		if output=$(kubectl apply --dry-run=server -f "$work/probe.yaml" 2>&1); then echo ok; else echo "turned away: $output"; fi
	done
}
write_until "$work/enough" >"$work/writes" &
writer=$!
kubectl -n agkeeper-system rollout restart deployment/agkeeper >/dev/null
check "rolling restart: finished" kubectl -n agkeeper-system rollout status deployment/agkeeper --timeout=90s
only_new_pods() { [[ $(kubectl -n agkeeper-system get pods -l app.kubernetes.io/name=agkeeper -o name | wc -l) == 2 ]]; }
check "rolling restart: the old replicas are gone" until_true 60 only_new_pods
touch "$work/enough"
wait "$writer"
says "rolling restart: objects were applied meanwhile" "$(cat "$work/writes")" ok
equal "rolling restart: none of $(wc -l <"$work/writes") writes was turned away" "" "$(grep -v '^ok$' "$work/writes")"


metrics=
for ip in $(kubectl -n agkeeper-system get pods -l app.kubernetes.io/name=agkeeper -o jsonpath='{.items[*].status.podIP}'); do
	metrics+=$(curl -s "http://$ip:8080/metrics")
done
says "metrics: what a dashboard needs" "$metrics" agkeeper_admission_requests_total agkeeper_admission_duration_seconds_bucket \
	agkeeper_certificate_expiry_timestamp_seconds agkeeper_cache_age_seconds
