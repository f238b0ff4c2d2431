#!/usr/bin/env bash
# ./dev bench controller: one agkeeper process with many availability groups.
#
#   test/bench/controller.sh [--groups N] [--ahead]
#
# --ahead: its processes go before everything else that runs here, for machines that do other things as well (Linux
# autogroups; needs root).
#
# The control plane is a real one (test/cluster); SQL Servers are simulated and speak real TDS with TLS (sql_farm), which
# also does what kubelets, the scheduler and a CSI driver would do. agkeeper runs as a process, and is measured from
# outside: CPU and memory in /proc, requests in its own metrics. Everything runs on the same cores.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

groups=1000 idle_seconds=60 chaos_seconds=60 ahead=
usage() {
	echo "usage: test/run-bench controller [--groups N] [--ahead]" >&2
	exit 2
}
while (($#)); do
	case $1 in
	--groups)
		groups=${2:?}
		shift
		;;
	--ahead) ahead=yes ;;
	*) usage ;;
	esac
	shift
done
victims=$((groups < 100 ? groups : 100))

build=${AGKEEPER_BUILD_DIR:-build}
cmake --build "$build" --target agkeeper sql_farm api_chaos >/dev/null
work=$(mktemp -d)
export AGKEEPER_CLUSTER_DIR=$work/cluster
# sql_farm binds claims and is the node; with the usual 20 requests/s the StatefulSet controller alone would take an hour.
export AGKEEPER_CLUSTER_CONTROLLER_FLAGS="--kube-api-qps=500 --kube-api-burst=1000 --concurrent-statefulset-syncs=10
	--controllers=-persistentvolume-binder,-persistentvolume-expander,-pvc-protection,-nodelifecycle,-podgc"
pids=()
finish() {
	local status=$?
	((status == 0)) || tail -n 20 "$work"/*.log >&2
	((${#pids[@]})) && kill "${pids[@]}" 2>/dev/null
	rank 0 2>/dev/null || true
	test/cluster/cluster.sh down >/dev/null 2>&1 || true
	rm -rf "$work"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

say() { printf '%s\n' "$*"; }
fail() {
	echo "bench: $*" >&2
	exit 1
}
now_ms() { date +%s%3N; }

# rank NICE: of this session, and of each part of the control plane, which has one of its own
rank() {
	local part
	[[ $ahead ]] || return 0
	for part in $$ $(cut -d' ' -f1 "$AGKEEPER_CLUSTER_DIR"/run/*); do
		[[ ! -e /proc/$part ]] || echo "$1" >"/proc/$part/autogroup"
	done
}

# ---- The cluster ----
test/cluster/cluster.sh up --bare >"$work/up.log" 2>&1
kill "$(cut -d' ' -f1 "$AGKEEPER_CLUSTER_DIR/run/kube-scheduler")"
eval "$(test/cluster/cluster.sh env)"
rank -6
kubectl apply -k manifests >"$work/apply.log" 2>&1 || { sleep 3; kubectl apply -k manifests >"$work/apply.log" 2>&1; }
kubectl -n agkeeper-system delete deployment agkeeper >/dev/null
kubectl create namespace bench >/dev/null

ulimit -n "$(ulimit -Hn)"
coproc FARM { exec "$build/test/bench/sql_farm" --kubeconfig "$KUBECONFIG" --settings heartbeat=3000 2>"$work/farm.log"; }
pids+=("$FARM_PID")
farm() {
	echo "$*" >&"${FARM[1]}"
	read -r answer <&"${FARM[0]}" || fail "sql_farm ended"
}
read -r answer <&"${FARM[0]}" || fail "sql_farm did not start"

# ---- agkeeper ----
base=$((20000 + RANDOM % 10000))
start_agkeeper() {
	"$build/agkeeper" run --kubeconfig "$1" --namespace agkeeper-system --listen "127.0.0.1:$base" \
		--metrics "127.0.0.1:$((base + 1))" --webhook-url "https://127.0.0.1:$base" 2>>"$work/agkeeper.log" &
	agkeeper=$!
	pids+=("$agkeeper")
}
metrics() { curl -s "http://127.0.0.1:$((base + 1))/metrics" || true; }
# sum NAME: of all its cells
sum() { metrics | awk -v name="$1" 'index($1, name) == 1 { n += $2 } END { printf "%d", n }'; }
ticks() { awk '{ print $14 + $15 }' "/proc/$agkeeper/stat"; }
resident() { awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$agkeeper/status"; }
hertz=$(getconf CLK_TCK)
# cpu TICKS SECONDS: percent of a core
cpu() { awk -v t="$1" -v s="$2" -v hz="$hertz" 'BEGIN { printf "%.1f", t / hz / s * 100 }'; }
# await SECONDS WHAT TEST...
await() {
	local deadline=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		((SECONDS < deadline)) || fail "not in time: $what ($answer)"
		sleep 0.5
	done
}
all_ready() {
	farm state
	[[ $answer == "groups $groups ready $groups "* ]]
}
is_leader() { [[ $(metrics | awk '$1 == "agkeeper_leader" { print $2 }') == 1 ]]; }
serves() { curl -sk -o "$work/answer" "https://127.0.0.1:$base/" && grep -q 'serving certificate in use' "$work/agkeeper.log"; }
all_looked_at() { (($(sum 'agkeeper_objects{kind="SQLServerAvailabilityGroup"') == groups)); }

# quantiles BEFORE AFTER: p50 and p99 of agkeeper_pod_event_to_action_seconds between two prints of the metrics, by
# straight lines within the buckets
buckets() { metrics | sed -n 's/^agkeeper_pod_event_to_action_seconds_bucket{le="\(.*\)"} /\1 /p'; }
quantiles() {
	paste "$1" "$2" | awk '
		{ bound[NR] = $1; count[NR] = $4 - $2 }
		function at(q,   i, want, below, low) {
			want = q * count[NR]
			for (i = 1; i <= NR; i++) {
				if (count[i] >= want) {
					below = i > 1 ? count[i - 1] : 0
					low = i > 1 ? bound[i - 1] : 0
					if (bound[i] == "+Inf") return low * 1000
					return 1000 * (low + (bound[i] - low) * (count[i] > below ? (want - below) / (count[i] - below) : 1))
				}
			}
		}
		END { printf "%d events, p50 %.1f ms, p99 %.1f ms", count[NR], at(0.5), at(0.99) }'
}
# requests BEFORE AFTER: by verb and resource, what has changed
requests() { metrics | grep '^agkeeper_api_requests_total' | sort || true; }
request_table() {
	join -a 2 -o '2.1,1.2,2.2' "$1" "$2" |
		awk '{ if (NF == 2) { $3 = $2; $2 = 0 } if ($3 > $2) print "    " $3 - $2, $1 }' |
		sed 's/agkeeper_api_requests_total{verb="\(.*\)",resource="\(.*\)"}/\1 \2/' | sort -rn
}

say "$(date -u +%F), $(nproc) cores ($(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)), load $(cut -d' ' -f1-3 /proc/loadavg); Kubernetes $(kubectl get --raw /version | sed -n 's/.*"gitVersion": "\(.*\)".*/\1/p')"
start_agkeeper "$KUBECONFIG"
await 60 "agkeeper leads" is_leader
await 60 "agkeeper serves webhooks" serves
sleep 2
say "without a group: $(resident) MiB resident"

say "$groups groups of three replicas:"
began=$(now_ms)
before=$(ticks)
farm create "$groups"
say "  objects created after $((($(now_ms) - began) / 1000)) s"
await 1500 "all groups are Ready" all_ready
took=$((($(now_ms) - began) / 1000))
say "  all Ready after $took s; agkeeper took $(cpu $(($(ticks) - before)) 100) s of CPU, sent $(sum agkeeper_api_requests_total) requests; $(resident) MiB resident"

# Sessions for changes are closed after half a minute, and numbers are written once a minute at most.
sleep 75
idle() {
	requests >"$work/before"
	local before began
	before=$(ticks)
	began=$(now_ms)
	sleep "$idle_seconds"
	requests >"$work/after"
	say "$1, for $idle_seconds s: $(cpu $(($(ticks) - before)) $((($(now_ms) - began) / 1000))) % of a core, $(resident) MiB resident; requests to the API server:"
	request_table "$work/before" "$work/after"
}
idle "at rest"

# spent: CPU ticks so far of agkeeper, of the simulated servers, of the control plane, of all that runs here
spent() {
	local part control=0
	for part in "$AGKEEPER_CLUSTER_DIR"/run/*; do
		control=$((control + $(awk '{ print $14 + $15 }' "/proc/$(cut -d' ' -f1 "$part")/stat" 2>/dev/null || echo 0)))
	done
	echo "$(ticks) $(awk '{ print $14 + $15 }' "/proc/$FARM_PID/stat") $control" \
		"$(awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat)"
}
# spent_since BEFORE: what has been spent since then, for people
spent_since() {
	paste <(tr ' ' '\n' <<<"$1") <(spent | tr ' ' '\n') | awk -v hz="$hertz" '{ s[NR] = ($2 - $1) / hz } END {
		printf "agkeeper %.1f s, simulated servers %.1f s, control plane %.1f s, everything else here %.1f s",
			s[1], s[2], s[3], s[4] - s[1] - s[2] - s[3] }'
}

# kills NUMBER WHAT
kills() {
	local before
	buckets >"$work/before"
	before=$(spent)
	rank -15
	farm kill "$1"
	rank -6
	say "$2: $answer"
	say "  CPU meanwhile: $(spent_since "$before")"
	[[ $answer == "killed $1 promoted $1 "* ]] || fail "not all were promoted"
	buckets >"$work/after"
	say "  pod event to first action: $(quantiles "$work/before" "$work/after")"
}
kills "$victims" "$victims primaries deleted by force at once (deletion to the status that names the next primary)"
await 300 "all groups are Ready again" all_ready

# Groups 0, 3, 6 …; of the others as many as there are, 100 at most.
living=$((groups - (groups + 2) / 3))
farm freeze 3
sleep 20
victims=$((victims < living ? victims : living))
kills "$victims" "$victims primaries, while a third of the groups' servers take connections and never answer"
farm freeze 0
await 600 "all groups are Ready again" all_ready

kill "$agkeeper"
wait "$agkeeper" || true
start_agkeeper "$KUBECONFIG"
await 60 "agkeeper leads again" is_leader
began=$(now_ms)
before=$(ticks)
await 300 "all groups are looked at" all_looked_at
say "the leader changes: all looked at after $(($(now_ms) - began)) ms"
sleep 30
requests >"$work/after"
: >"$work/before"
say "  in 30 s: $(cpu $(($(ticks) - before)) 100) s of CPU, $(resident) MiB resident; requests:"
request_table "$work/before" "$work/after" | head -12

kill "$agkeeper"
wait "$agkeeper" || true
kubectl proxy --port=$((base + 2)) --accept-hosts='.*' --keepalive=0 >"$work/proxy.log" 2>&1 &
pids+=($!)
# bash warns that there is one coprocess already
{ coproc CHAOS { exec "$build/test/bench/api_chaos" $((base + 3)) $((base + 2)); }; } 2>>"$work/chaos.log"
pids+=("$CHAOS_PID")
chaos() {
	echo "$1" >&"${CHAOS[1]}"
	read -r answer <&"${CHAOS[0]}" || fail "api_chaos ended"
}
cat >"$work/chaos.kubeconfig" <<-END
	apiVersion: v1
	kind: Config
	clusters: [{name: chaos, cluster: {server: "http://127.0.0.1:$((base + 3))"}}]
	contexts: [{name: chaos, context: {cluster: chaos}}]
	current-context: chaos
END
start_agkeeper "$work/chaos.kubeconfig"
await 120 "agkeeper leads" is_leader
await 300 "all groups are looked at" all_looked_at
sleep 20
calm=$(resident)
chaos rough
for _ in 1 2 3 4 5 6; do
	sleep $((chaos_seconds / 6))
	rough+="$(resident) "
done
farm kill 10
chaos calm
say "an API server that is slow, answers 429, 500, 503, 409 and 410, not at all, and cuts watches in the middle of a line:"
say "  resident $calm MiB before, ${rough}every $((chaos_seconds / 6)) s of it; $answer"
await 300 "all groups are Ready again" all_ready
say "  all Ready again"
