# shellcheck shell=bash
# shellcheck disable=SC2154 # variables of test/e2e/run and test/e2e/nodes.sh
# The volumes of the pods of 10-pods grow, fill up, and refuse.
grows() {
	ask_for "$claim-0" 11Gi && until_true 20 claim_has "$claim-0" 11Gi && gives '' field "pvc/$claim-0" '{.status.conditions}' &&
		gives 11Gi kubectl get pv "$(field "pvc/$claim-0" '{.spec.volumeName}')" -o jsonpath='{.spec.capacity.storage}'
}
check "storage: a claim grows under a running pod" grows
check "storage: growing told of itself" tells 'NodeExpandVolume succeeded' claim_event "$claim-0" FileSystemResizeSuccessful
space() { on "$group-0" "SELECT $1 FROM sys.master_files AS f CROSS APPLY sys.dm_os_volume_stats(f.database_id, f.file_id) AS v WHERE f.database_id = DB_ID('shop') AND f.file_id = 1"; }
check "storage: the server sees the volume's size" tells $'gi\n11' space 'v.total_bytes / 1073741824 AS gi'
insert() { through "$group" "INSERT INTO shop.dbo.data VALUES ($1, N'more')"; }
fills_up() {
	local output
	simctl disk-full "$claim-0" || return 1
	output=$(insert 2)
	[[ $output == *'Msg 1105 '* || $output == *'Msg 9002 '* ]] || { echo "$output"; return 1; }
}
check "storage: a full volume is Msg 1105 or 9002" fills_up
check "storage: the server sees that nothing is left" tells $'left_over\n0' space 'v.available_bytes AS left_over'
room_again() {
	ask_for "$claim-0" 12Gi && until_true 20 claim_has "$claim-0" 12Gi && insert 3 && tells $'n\n2' through "$group" 'SELECT COUNT(*) AS n FROM shop.dbo.data' &&
		gives 1 restarts "$group-0"
}
check "storage: after expansion there is room, without a restart" room_again
refused() {
	simctl expansion "$claim-1" fail 2 && ask_for "$claim-1" 11Gi && until_true 20 claim_waits "$claim-1" Resizing &&
		until_true 20 tells 'failed (simulated)' claim_event "$claim-1" VolumeResizeFailed && until_true 30 claim_has "$claim-1" 11Gi
}
check "storage: expansion that fails twice says so, and is tried again" refused
stuck() {
	simctl expansion "$claim-1" stuck && ask_for "$claim-1" 12Gi && until_true 20 claim_waits "$claim-1" FileSystemResizePending &&
		claim_has "$claim-1" 11Gi && simctl expansion "$claim-1" normal && until_true 20 claim_has "$claim-1" 12Gi
}
check "storage: the node's part may be pending" stuck
scale() { kubectl -n demo scale "statefulset/$group" --replicas="$1"; }
offline() {
	simctl expansion "$claim-2" offline && ask_for "$claim-2" 13Gi && until_true 20 tells 'while it is attached' claim_event "$claim-2" VolumeResizeFailed &&
		scale 2 && until_true 30 claim_waits "$claim-2" FileSystemResizePending && claim_has "$claim-2" 10Gi &&
		scale 3 && until_true 60 claim_has "$claim-2" 13Gi && until_true 60 pod_is "$group-2" True
}
check "storage: a disk that only grows while no pod uses it" offline
