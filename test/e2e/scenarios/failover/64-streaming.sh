# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # from test/e2e/failover.sh
# kubedb-mssqlserver-streaming-replication, walked through: three servers, two Services, the primary's pod is deleted. All
# replicas commit asynchronously: the one that takes over is raised to synchronous commit first, so that nothing is lost.
source test/e2e/failover.sh
whole_day || return 0
kubectl apply -f test/e2e/examples/catalog.yaml >/dev/null 2>&1
kubectl -n demo apply -f test/e2e/examples/ha-mssqlserver.yaml >/dev/null 2>&1
object=ms/ha-mssqlserver through=ha-mssqlserver database=app replicas=3
check "streaming: Ready" ready "$object" 120
sql "$(service ha-mssqlserver)" "$(sa_password "$object")" "CREATE DATABASE app" >/dev/null
in_group() { [[ $(field "$object" '{.status.availabilityGroup.databases[*].name}') == *app* ]] && [[ $(condition_of Ready) == True ]]; }
check "streaming: a new database joins" until_true 60 in_group
equal "streaming: two Services, by role and by name" "primary 3" \
	"$(field service/ha-mssqlserver '{.spec.selector.kubedb\.com/role}') $(kubectl -n demo get pods -l "$(field service/ha-mssqlserver-replicas '{.spec.selector}' | jq -r 'to_entries | map("\(.key)=\(.value)") | join(",")')" -o name | wc -l)"
victim=$(primary_of)
under_load "streaming: the primary $victim is deleted" 120 "replaced $victim" kubectl -n demo delete pod "$victim" --wait=false
equal "streaming: a hand-over" HandOver "$(field "$object" '{.status.failovers[0].kind}')"
check "streaming: deleted" kubectl -n demo delete "$object" --timeout=120s
kubectl -n demo delete secrets -l app.kubernetes.io/instance=ha-mssqlserver >/dev/null
