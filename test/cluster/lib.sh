# shellcheck shell=bash disable=SC2034 # what is set here is used by the scripts that read this file
# Shared by the scripts of this folder: messages, folders, and where programs are found.
#
# Two folders hold everything; nothing else on the machine is written to.
#   cache   what took time to get and does not change: the Kubernetes programs, unpacked tools
#   cluster what belongs to one running cluster: settings, certificates, pid records, logs, etcd's data

: "${HOME:?is not set; the cache and the state of the test cluster live below it}"

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/agkeeper
cluster=$(realpath -m "${AGKEEPER_CLUSTER_DIR:-${XDG_STATE_HOME:-$HOME/.local/state}/agkeeper/cluster}")

# The Kubernetes release that Debian 12 has the source of, and where its programs are kept once built.
kubernetes_version=1.20.2
built=$cache/kubernetes-$kubernetes_version
# Raise it when build-kubernetes.sh comes to build something else: what an earlier one built is then built anew.
recipe=2
kubernetes_is_built() { [[ -e $built/recipe && $(<"$built/recipe") == "$recipe" ]]; }
# Programs unpacked from Debian packages that are better not installed (see deps.sh).
tools=$cache/tools

say() { printf '%s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# need COMMAND...: every command is there, or say at once which are not.
need() {
	local command missing=()
	for command; do
		type -P "$command" >/dev/null || missing+=("$command")
	done
	((${#missing[@]} == 0)) || die "not found on PATH: ${missing[*]}. './dev deps' installs what this project needs."
}

# find_program NAME: print the path of etcd, kubectl or a Kubernetes program, or fail quietly.
# KUBEBUILDER_ASSETS comes first. A control plane is never mixed from two releases, so where it is set the kube-*
# programs come from nowhere else; etcd and kubectl work across releases and may.
find_program() {
	local name=$1 folder
	local -a folders=()
	[[ -z ${KUBEBUILDER_ASSETS:-} ]] || folders+=("$KUBEBUILDER_ASSETS")
	if [[ $name == kube-* ]]; then
		((${#folders[@]})) || folders+=("$built")
	else
		folders+=("$(dirname "$(type -P "$name" || echo /nonexistent/none)")" "$tools")
	fi
	for folder in "${folders[@]}"; do
		if [[ -f $folder/$name && -x $folder/$name ]]; then
			realpath -s "$folder/$name"
			return
		fi
	done
	return 1
}

# lock FILE MESSAGE: hold FILE's lock until this shell ends or unlock is called; MESSAGE is said if that means waiting.
lock() {
	mkdir -p "$(dirname "$1")"
	exec {lock_fd}>"$1"
	if ! flock --nonblock "$lock_fd"; then
		say "$2"
		flock "$lock_fd"
	fi
}
unlock() { exec {lock_fd}>&-; }
