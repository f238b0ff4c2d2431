# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # from test/e2e/failover.sh
# The four cases of kubedb-mssqlserver-failover (R23 to R26), on its own database, and what happens when fewer are left
# than the group needs.
source test/e2e/failover.sh
kubectl apply -f test/e2e/examples/catalog.yaml >/dev/null 2>&1
kubectl -n demo get mssqlserver mssqlserver-ag-cluster >/dev/null 2>&1 ||
	kubectl -n demo apply -f test/e2e/examples/mssqlserver-ag-cluster.yaml >/dev/null 2>&1
object=ms/mssqlserver-ag-cluster through=mssqlserver-ag-cluster database=agdb1 replicas=3
check "cases: Ready" ready "$object" 120
check "cases: all synchronized" until_true 60 whole
pods_but() { kubectl -n demo get pods -l app.kubernetes.io/instance=mssqlserver-ag-cluster -o name | sed 's|pod/||' | grep -v "^$1$"; }
role_of() { kubectl -n demo get pod "$1" -o jsonpath='{.metadata.labels.kubedb\.com/role}'; }
returned() { whole && [[ $(role_of "$1") == standby ]]; }

victim=$(primary_of)
under_load "case 1: the primary $victim is deleted" 120 "moved $victim" kubectl -n demo delete pod "$victim" --wait=false
check "case 1: it returns as standby" until_true 60 returned "$victim"

victim=$(primary_of)
standby=$(pods_but "$victim" | head -n 1)
under_load "case 2: the primary $victim and standby $standby" 120 "moved $victim" force_delete "$victim" "$standby"

if whole_day; then
	victim=$(primary_of)
	mapfile -t standbys < <(pods_but "$victim")
	under_load "case 3: both standbys" 120 whole force_delete "${standbys[@]}"
	equal "case 3: the primary stays" "$victim" "$(primary_of)"
fi

all_new() { whole && [[ $(kubectl -n demo get pods -l app.kubernetes.io/instance=mssqlserver-ag-cluster -o jsonpath='{.items[*].metadata.uid}') != *"$uid"* ]]; }
victim=$(primary_of)
uid=$(kubectl -n demo get pod "$victim" -o jsonpath='{.metadata.uid}')
under_load "case 4: all three" 120 all_new force_delete "$victim" $(pods_but "$victim")
check "cases: every acknowledged row is there" rows_found "$work"/rows.?
check "cases: deleted" kubectl -n demo delete "$object" --timeout=120s
