# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # from test/e2e/failover.sh
# Replicas that are lost and stay away: the scheduler finds no node for pods that are to be made anew, until they are let
# back. Strict: the last one of three goes on. Relaxed: a promotion waits for one of two, or for a person.
source test/e2e/failover.sh
the_group_of_kills
hold_back() { kubectl taint nodes --all agkeeper.test/away=yes:NoSchedule --overwrite; }
let_back() { kubectl taint nodes --all agkeeper.test/away- ; }
# come_back POD: this one alone, past the scheduler.
come_back() {
	kubectl create --raw "/api/v1/namespaces/demo/pods/$1/binding" -f - <<<"{\"apiVersion\":\"v1\",\"kind\":\"Binding\",
		\"metadata\":{\"name\":\"$1\",\"namespace\":\"demo\"},\"target\":{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"name\":\"node-1\"}}"
}
# lose_two PRIMARY SECONDARY: at one instant. The secondary answers nothing any more when the primary goes, whatever time
# kubectl takes.
lose_two() { simctl freeze "$2" && force_delete "$1" "$2"; }
others_of() { kubectl -n demo get pods -l app.kubernetes.io/instance=kills -o name | sed 's|pod/||' | grep -v "^$1$"; }
members() { field "$object" '{range .status.availabilityGroup.synchronousSet[*]}{.pod}{"\n"}{end}' | sort | xargs; }
members_are() { [[ $(members) == "$1" ]]; }
alone() { [[ $(primary_of) == "$1" ]] && members_are "$1"; }
blocked_by() { [[ $(field "$object" '{.status.conditions[?(@.type=="FailoverBlocked")].status} {.status.conditions[?(@.type=="FailoverBlocked")].message}') == True*"$1"* ]]; }
events() { kubectl -n demo get events --field-selector involvedObject.name=kills -o jsonpath="{range .items[?(@.reason==\"$1\")]}{.count} {.message}{\"\n\"}{end}"; }
required() { kubectl -n demo patch "$object" --type merge -p "{\"spec\":{\"automaticFailover\":{\"requiredSynchronized\":$1}}}"; }
required_is() { [[ $(field "$object" '{.status.availabilityGroup.requiredSynchronized}') == "$1" ]] && whole; }
rows_go_on() { # FILE: more are acknowledged
	local before
	before=$(wc -l <"$1")
	until_true 60 more_than "$1" "$before"
}
more_than() { (($(wc -l <"$1") > $2)); }

# ---- strict: one after the other ----
required null >/dev/null
check "losses: a strict group" until_true 120 required_is 2
check "nodes take no pods" hold_back
victim=$(primary_of)
mapfile -t others < <(others_of "$victim")
file=$work/rows.$((++runs))
write_rows "$file"
check "losses: rows are written" until_true 60 has_begun "$file"
epoch=$(epoch_of)
force_delete "${others[0]}" >/dev/null
check "a secondary is lost: the set goes on without it" until_true 60 members_are "$(printf '%s\n' "$victim" "${others[1]}" | sort | xargs)"
check "a secondary is lost: rows go on" rows_go_on "$file"
stop_rows
judge_rows "a secondary is lost" "$file" "$epoch"
# SQL Server itself notices after 10 s: who waits for that waits longer than the pod's reported death takes.
check "a secondary is lost: commits did not wait for SQL Server's own session timeout" test "$(of_run "$file" .gapMs)" -lt 9000

file=$work/rows.$((++runs))
write_rows "$file"
check "then the primary: rows are written" until_true 60 has_begun "$file"
epoch=$(epoch_of)
force_delete "$victim" >/dev/null
check "then the primary: the last one, ${others[1]}, is the primary" until_true 60 alone "${others[1]}"
check "then the primary: rows go on" rows_go_on "$file"
check "then the primary: Protected says False" until_true 30 condition_is Protected False
let_back >/dev/null
check "then the primary: whole again when both are back" until_true 120 whole
stop_rows
judge_rows "then the primary" "$file" "$epoch"

# ---- strict: two at one instant ----
hold_back >/dev/null
victim=$(primary_of)
mapfile -t others < <(others_of "$victim")
after=let_back
under_load "the primary and a secondary at once" 120 "alone ${others[1]}" lose_two "$victim" "${others[0]}"
after=

# ---- relaxed: two at one instant ----
check "relaxed: requiredSynchronized is 1" required 1
check "relaxed: applied" until_true 60 required_is 1
hold_back >/dev/null
victim=$(primary_of)
mapfile -t others < <(others_of "$victim")
file=$work/rows.$((++runs))
write_rows "$file"
check "relaxed: rows are written" until_true 60 has_begun "$file"
epoch=$(epoch_of)
lose_two "$victim" "${others[0]}" >/dev/null
check "relaxed: it waits, and says for whom" until_true 60 blocked_by "${others[0]}"
says "relaxed: … for the old primary or the other secondary" "$(field "$object" '{.status.conditions[?(@.type=="FailoverBlocked")].message}')" "${others[0]}" "$victim"
equal "relaxed: nobody was promoted" "$epoch" "$(epoch_of)"
check "relaxed: ${others[0]} returns" come_back "${others[0]}"
check "relaxed: it goes on by itself" until_true 120 replaced "$victim"
check "relaxed: FailoverBlocked is over" until_true 30 condition_is FailoverBlocked False
check "relaxed: rows go on" rows_go_on "$file"
let_back >/dev/null
check "relaxed: whole again" until_true 120 whole
stop_rows
judge_rows relaxed "$file" "$epoch"

# ---- relaxed: they do not come back, and a person decides ----
hold_back >/dev/null
victim=$(primary_of)
mapfile -t others < <(others_of "$victim")
epoch=$(epoch_of)
lose_two "$victim" "${others[0]}" >/dev/null
check "data loss: it waits" until_true 60 blocked_by "${others[0]}"
allow() { kubectl -n demo annotate "$object" --overwrite "agkeeper.dev/allow-data-loss=$1"; }

allow "${others[1]}/$(field "$object" '{.metadata.uid}')" >/dev/null
check "data loss: the one that was named is promoted" until_true 60 alone "${others[1]}"
equal "data loss: rows are at risk, and it is on record" "Failover ${others[1]} unknown" \
	"$(field "$object" '{.status.failovers[0].kind} {.status.failovers[0].to} {.status.failovers[0].rowsAtRisk}')"
says "data loss: told as Events" "$(events DataLossAllowed) $(events DataLossUsed)" "${others[1]} is promoted on request" "${others[1]} was promoted although"
not_allowed() { [[ -z $(field "$object" '{.metadata.annotations.agkeeper\.dev/allow-data-loss}') ]]; }
check "data loss: the permission is taken off" until_true 30 not_allowed
check "data loss: FailoverBlocked is over" until_true 30 condition_is FailoverBlocked False
connections=8 write_rows "$work/loss"
check "data loss: rows are written again" until_true 60 has_begun "$work/loss"
stop_rows
let_back >/dev/null
check "data loss: whole again" until_true 120 whole

# ---- the permission was for once ----
hold_back >/dev/null
victim=$(primary_of)
mapfile -t others < <(others_of "$victim")
epoch=$(epoch_of)
lose_two "$victim" "${others[0]}" >/dev/null
check "the next time it waits again" until_true 60 blocked_by "${others[0]}"
let_back >/dev/null
check "… until they are back: whole" until_true 120 whole
equal "… and no rows at risk" none "$(field "$object" '{.status.failovers[0].rowsAtRisk}')"
check "… what was acknowledged after the loss is there" rows_found "$work/loss"
check "kills: deleted" kubectl -n demo delete "$object" --timeout=120s
