# shellcheck shell=bash
# shellcheck disable=SC2154 # $work comes from test/e2e/run
# Dry runs, deletion, scaling, status: what admission may and may not stand in the way of.
kubectl apply -f test/e2e/examples/catalog.yaml >/dev/null

cat >"$work/guarded.yaml" <<'END'
apiVersion: kubedb.com/v1alpha2
kind: MSSQLServer
metadata: {name: guarded, namespace: demo}
spec:
  version: "2022-cu16"
  deletionPolicy: DoNotTerminate
  storage: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}
END
check "dry run: admitted" kubectl apply --dry-run=server -f "$work/guarded.yaml"
equal "dry run: nothing was created" "" "$(kubectl -n demo get ms guarded --ignore-not-found -o name)"
admitted "deletionPolicy DoNotTerminate: created" "$work/guarded.yaml"
output=$(kubectl -n demo delete ms guarded --wait=false 2>&1)
says "deletionPolicy DoNotTerminate: delete is refused, saying why" "$output" "spec.deletionPolicy" "DoNotTerminate"

# Status and labels are never refused, even when the spec would not be admitted today.
kubectl proxy --port=0 >"$work/proxy.log" 2>&1 &
proxy=$!
port=$(until_true 10 grep -oE '[0-9]+$' "$work/proxy.log")
put_status() {
	curl -sf -X PATCH -H 'Content-Type: application/merge-patch+json' -d '{"status":{"phase":"Ready"}}' \
		"http://127.0.0.1:$port/apis/kubedb.com/v1alpha2/namespaces/demo/mssqlservers/guarded/status"
}
check "status: a status-only write passes" put_status
kill "$proxy"
equal "status: it is there" "Ready" "$(field ms/guarded '{.status.phase}')"
kubectl patch mssqlserverversion 2022-cu16 --type merge -p '{"spec":{"deprecated":true}}' >/dev/null
check "labels: pass although the version was deprecated meanwhile" kubectl -n demo label ms guarded team=ledger
kubectl patch mssqlserverversion 2022-cu16 --type merge -p '{"spec":{"deprecated":false}}' >/dev/null

output=$(kubectl -n demo scale ms guarded --replicas=3 2>&1)
says "kubectl scale: a standalone database has one replica" "$output" "spec.replicas" "3"

check "deletionPolicy WipeOut: allowed to change" kubectl -n demo patch ms guarded --type merge -p '{"spec":{"deletionPolicy":"WipeOut"}}'
check "deletionPolicy WipeOut: deleted" kubectl -n demo delete ms guarded --timeout=20s

says "kubectl explain: a field's description" "$(kubectl explain sqlag.spec.automaticFailover.failoverThresholdSeconds)" "failoverThresholdSeconds" "FIELD:"
says "kubectl get: ms columns" "$(kubectl apply -f test/e2e/examples/ha-mssqlserver.yaml >/dev/null; kubectl -n demo get ms)" "VERSION" "STATUS" "AGE"
kubectl -n demo delete ms --all >/dev/null
