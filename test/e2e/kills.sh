# shellcheck shell=bash
# shellcheck disable=SC2154 # $work comes from test/e2e/run
# agkeeper is killed while it works.
killed_in_all=0

lease_seconds() { # N: of both replicas
	kubectl -n agkeeper-system patch deployment agkeeper --type json \
		-p "[{\"op\":\"add\",\"path\":\"/spec/template/spec/containers/0/args/-\",\"value\":\"--lease-seconds=$1\"}]" >/dev/null
	kubectl -n agkeeper-system rollout status deployment/agkeeper --timeout=120s
}
# Each leader is killed once, some moment after it began to lead: a pod that is force-deleted is killed as by SIGKILL, and
# comes back without a pause.
lease_of() { kubectl -n agkeeper-system get lease agkeeper -o jsonpath='{.spec.holderIdentity}'; }
killing() { # FILE MOST: until the file is there
	local killed=0 holder last=
	until [[ -e $1 ]] || ((killed >= $2)); do
		holder=$(lease_of)
		if [[ -z $holder || $holder == "$last" ]]; then
			sleep 0.1
			continue
		fi
		sleep "$((RANDOM % 2)).$((RANDOM % 10))" # when is what is tried
		kubectl -n agkeeper-system delete pod "${holder%_*}" --force --grace-period=0 >/dev/null 2>&1 && killed=$((killed + 1))
		last=$holder
	done
	echo $killed
}
# under_kills MOST COMMAND...: leaders are killed, so many at most, until the command has ended.
under_kills() {
	local most=$1 killer
	shift
	rm -f "$work/enough"
	killing "$work/enough" "$most" >"$work/killed" &
	killer=$!
	"$@"
	touch "$work/enough"
	wait "$killer"
	killed_in_all=$((killed_in_all + $(cat "$work/killed")))
}
lease_as_before() {
	kubectl apply -k manifests && kubectl -n agkeeper-system rollout status deployment/agkeeper --timeout=120s
}
