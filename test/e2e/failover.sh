# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # $work, $simnode_state and others come from test/e2e/run
# What is done to a group while rows are written, and what must be true afterwards. A scenario sets:
#   object=KIND/NAME  through=SERVICE  database=NAME  replicas=N
rows=${AGKEEPER_BUILD_DIR:-build}/rows
connections=8
rm -f "$work"/rows.? # of the scenario before: another group's

primary_of() { field "$object" '{.status.primaryReplica}'; }
epoch_of() { field "$object" '{.status.availabilityGroup.epoch}'; }
condition_of() { field "$object" "{.status.conditions[?(@.type==\"$1\")].status}"; }
condition_is() { [[ $(condition_of "$1") == "$2" ]]; }
now() { date -u +%FT%T.%3NZ; }

# write_rows FILE: a writer in the background, which has begun.
write_rows() {
	local file=$1
	rm -f "$file" "$file.json"
	ROWS_PASSWORD=$(sa_password "$object") "$rows" write "$(service "$through")" "$database" "$file" "$connections" >"$file.json" &
	writer=$!
}
has_begun() { [[ -s $1 ]]; }
stop_rows() {
	kill -TERM "$writer" 2>/dev/null
	wait "$writer"
}
# rows_found FILE...: everything acknowledged is there, read through the Service.
rows_found() {
	local file
	for file; do
		ROWS_PASSWORD=$(sa_password "$object") "$rows" check "$(service "$through")" "$database" "$file" || return 1
	done
}
of_run() { jq -r "$2" "$1.json"; }

whole() { [[ $(field "$object" '{.status.synchronized}') == "$replicas/$replicas" && $(condition_of Ready) == True ]]; }
replaced() { [[ $(primary_of) != "$1" ]]; }
moved() { replaced "$1" && whole; }
# labelled POD: the primary's label is on this pod and on no other.
labelled() {
	local label
	label=$(if [[ $object == sqlag/* ]]; then echo sql.mssql.microsoft.com/ag-role; else echo kubedb.com/role; fi)
	[[ $(kubectl -n demo get pods -l "app.kubernetes.io/instance=${object#*/},$label=primary" -o name) == "pod/$1" ]]
}
force_delete() { kubectl -n demo delete pod "$@" --force --grace-period=0 2>/dev/null; }

# keeper_log BEGAN: what agkeeper has logged of the object since then, in the order of time.
keeper_log() {
	jq -cs --arg began "$1" --arg object "/${object#*/}" \
		'map(select(.ts >= $began and ((.object // "") | endswith($object)))) | sort_by(.ts)[]' \
		"$simnode_state"/logs/agkeeper-system_*_agkeeper*.log
}

# timeline BEGAN FILE: what happened when, in milliseconds after BEGAN, from the status, the log and the rows.
timeline() {
	local began=$1 file=$2
	{
		keeper_log "$began"
		jq -c '{ts: .firstAt, first: true}, {ts: .gapTo, gap: .gapMs} | select(.ts)' "$file.json"
		field "$object" '{.status.failovers[0]}' | jq -c '{ts: .startedAt, intent: .reason}'
	} | jq -rs --arg began "$began" '
		def ms: (.[:19] + "Z" | fromdate) * 1000 + (.[20:23] | tonumber);
		def at(what): map(select(what)) | sort_by(.ts) | if length == 0 then null else .[0].ts | ms end;
		def last(what): map(select(what)) | sort_by(.ts) | if length == 0 then null else .[-1].ts | ms end;
		map(select(.ts >= $began)) as $seen | ($began | ms) as $zero
		| [ ["detected", ($seen | at(.reason == "PrimaryLost" or .reason == "HandOver"))],
		    ["intent", ($seen | at(.intent))],
		    ["fenced", ($seen | at(.action == "STOP_ENDPOINT" and .result == "done"))],
		    ["promoted", ($seen | at((.action // "" | startswith("PROMOTE")) and .result == "done"))],
		    ["labels", ($seen | at(.action == "LABEL_POD" and .peer == "primary" and .result == "done"))],
		    ["first write", ($seen | at(.first) // at(.gap))],
		    ["last replica back", ($seen | last(.reason == "ReplicaSynchronized"))] ]
		| map(select(.[1]) | "\(.[0]) \(.[1] - $zero)") | "#   ms: " + join(", ")'
}

# under_load NAME SECONDS CONDITION COMMAND...: rows are written while COMMAND is done and until CONDITION holds; everything
# that was acknowledged is there, and as many servers acknowledged, one after another, as there were promotions.
under_load() {
	local name=$1 seconds=$2 condition=$3 file epoch began
	shift 3
	file=$work/rows.$((++runs))
	write_rows "$file"
	check "$name: rows are written" until_true 60 has_begun "$file"
	epoch=$(epoch_of)
	began=$(now)
	"$@" >"$work/command.log" 2>&1 || not_ok "$name: $*" "$(cat "$work/command.log")"
	# shellcheck disable=SC2086 # words
	check "$name: recovered" until_true "$seconds" $condition
	[[ ! $after ]] || { $after >/dev/null 2>&1; check "$name: whole again" until_true "$seconds" whole; }
	stop_rows
	judge_rows "$name" "$file" "$epoch"
	timeline "$began" "$file"
}
runs=0
rm -f "$work"/rows.* # of the scenario before
after=

judge_rows() {
	local name=$1 file=$2 promotions=$(($(epoch_of) - $3))
	check "$name: each of $(of_run "$file" .acknowledged) acknowledged rows is there ($(of_run "$file" .gapMs) ms without one, $(of_run "$file" .unknown) unknown)" \
		until_true 30 rows_found "$file"
	check "$name: one server after another acknowledged them" test "$(of_run "$file" .switches)" -le "$promotions"
	check "$name: the primary's label is on the primary alone" until_true 30 labelled "$(primary_of)"
}
# idle NAME SECONDS CONDITION COMMAND...: the same with nobody writing until it is done.
idle() {
	local name=$1 seconds=$2 condition=$3 file epoch began
	shift 3
	file=$work/rows.$((++runs))
	epoch=$(epoch_of)
	began=$(now)
	"$@" >"$work/command.log" 2>&1 || not_ok "$name: $*" "$(cat "$work/command.log")"
	connections=1 write_rows "$file"
	# shellcheck disable=SC2086 # words
	check "$name: recovered" until_true "$seconds" $condition
	check "$name: rows are written again" until_true 30 has_begun "$file"
	stop_rows
	judge_rows "$name" "$file" "$epoch"
	timeline "$began" "$file"
}

# three_replicas NAME [MORE-SPEC]: an availability group of three synchronous replicas with database `orders`.
three_replicas() {
	kubectl -n demo apply -f - >/dev/null 2>&1 <<YAML
apiVersion: sql.mssql.microsoft.com/v1alpha1
kind: SQLServerAvailabilityGroup
metadata: {name: $1, namespace: demo}
spec:
  agName: AG1
  image: mcr.microsoft.com/mssql/server:2025-CU3-ubuntu-22.04
  databases: [orders]
  automaticFailover: {enabled: true, failoverThresholdSeconds: 10, healthThreshold: system${2:-}}
  replicas: [{name: primary}, {name: secondary-1, readableSecondary: true}, {name: secondary-2, readableSecondary: true}]
  listener: {name: $1-listener}
  storage: {dataVolumeSize: 1Gi, reclaimPolicy: Delete}
YAML
	object=sqlag/$1 through=$1-listener database=orders replicas=3
	check "$1: Ready" ready "$object" 120
	check "$1: all synchronized" until_true 60 whole
}
# the_group_of_kills: where a scenario before has left it, it is used on.
the_group_of_kills() {
	object=sqlag/kills through=kills-listener database=orders replicas=3
	field "$object" '{.metadata.name}' >/dev/null 2>&1 || three_replicas kills
}
# whole_day: only in ./dev test --full.
whole_day() { [[ ${AGKEEPER_FULL:-} ]]; }
