# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # $work comes from test/e2e/run, tsql_says from test/clients/freetds.sh
# For the suite that shows what the simulated nodes and their storage do: SQL Server pods exactly as the controller describes
# them (the golden files of its unit tests), and no controller.
source test/clients/freetds.sh
group=mssqlserver-ag-cluster
claim=data-$group
password='Passw0rd-of-sa'
port=1433
freetds_conf request

# on POD BATCH: what tsql prints, asked at the pod's own address.
on() { address=$(field "pod/$1" '{.status.podIP}') tsql_says "$2"$'\ngo'; }
# through SERVICE BATCH: the same, asked through a Service.
through() { address=$(field "service/$1" '{.spec.clusterIP}') tsql_says "$2"$'\ngo'; }
# gives EXPECTED COMMAND...
gives() {
	local expected=$1 output
	shift
	output=$("$@")
	[[ $output == "$expected" ]] || { printf '%s\n' "$output"; return 1; }
}
# tells TEXT COMMAND...: the text is in the output.
tells() {
	local text=$1 output
	shift
	output=$("$@" 2>&1)
	[[ $output == *"$text"* ]] || { printf '%s\n' "$output"; return 1; }
}
pod_is() { gives "$2" field "pod/$1" '{.status.conditions[?(@.type=="Ready")].status}'; }
claim_has() { gives "$2" field "pvc/$1" '{.status.capacity.storage}'; }
claim_waits() { gives "$2" field "pvc/$1" '{.status.conditions[*].type}'; }
ask_for() { kubectl -n demo patch pvc "$1" --type merge -p "{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"$2\"}}}}"; }
claim_event() { kubectl -n demo get events --field-selector "involvedObject.name=$1,reason=$2" -o jsonpath='{.items[*].message}'; }
restarts() { field "pod/$1" '{.status.containerStatuses[0].restartCount}'; }
all_ready() { kubectl -n demo rollout status "statefulset/$1" --timeout=1s || gives "$2" field "statefulset/$1" '{.status.readyReplicas}'; }

is_gone() { gives '' kubectl -n demo get "$@" --ignore-not-found -o name; }
