#!/bin/bash
# Install what building, testing and running this project needs, on Debian 12. Asks apt only about what is missing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$(readlink -f "$0")")/lib.sh"

# What building the program takes; with --build-only, as for the image, nothing else is installed.
build_packages=(
	build-essential pkg-config
	libmicrohttpd-dev libgnutls28-dev libssl-dev libcurl4-openssl-dev libjson-c-dev libyaml-dev freetds-dev
)
build_commands=(cmake=cmake ninja=ninja-build)

# Test libraries, and tools that must match what they test: the Debian package itself has to be there.
packages=(
	"${build_packages[@]}"
	clang clang-format clang-tidy libclang-rt-14-dev llvm # fuzzing and the linters
	libcmocka-dev libsqlite3-dev ca-certificates
)

# COMMAND=PACKAGE for tools that may just as well have come from somewhere else: the command has to be there.
commands=(
	"${build_commands[@]}"
	git=git curl=curl jq=jq openssl=openssl wrk=wrk valgrind=valgrind shellcheck=shellcheck
	flock=util-linux setsid=util-linux ss=iproute2
	tsql=freetds-bin node=nodejs npm=npm # clients of the simulated SQL Server
)

# COMMAND=PACKAGE for tools that are unpacked into the cache instead of installed: the kubectl package collides with
# kubectl packages of other vendors, and installing etcd-server would leave an etcd service running on the machine.
unpacked=(kubectl=kubernetes-client etcd=etcd-server)

main() {
	local missing=() wanted=() pair
	[[ $(type -P apt-get) && $(type -P dpkg-query) ]] || die "this is not a Debian system: install the packages listed in $0 by other means"
	case ${1:-} in
	--build-only) packages=("${build_packages[@]}") commands=("${build_commands[@]}") unpacked=() ;;
	'') plan_for_kubernetes ;;
	*) die "deps takes only --build-only, not $1" ;;
	esac

	mapfile -t missing < <(missing_packages)
	for pair in "${commands[@]}"; do
		type -P "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
	done
	for pair in "${unpacked[@]}"; do
		find_program "${pair%%=*}" >/dev/null || wanted+=("$pair")
	done
	((${#missing[@]} + ${#wanted[@]})) || return 0

	say "Missing:${missing[*]:+ ${missing[*]}}${wanted[*]:+ ${wanted[*]#*=} (to be unpacked into $tools)}"
	as_root apt-get -q update
	if ((${#missing[@]})); then
		as_root env DEBIAN_FRONTEND=noninteractive \
			apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends "${missing[@]}"
	fi
	for pair in "${wanted[@]}"; do
		unpack_tool "${pair%%=*}" "${pair#*=}"
	done
}

# Go and dpkg-dev serve only to build Kubernetes: not where it is built already, or provided.
plan_for_kubernetes() {
	if [[ -z ${KUBEBUILDER_ASSETS:-} ]] && ! kubernetes_is_built; then
		packages+=(golang-1.19-go dpkg-dev)
	fi
}

missing_packages() {
	local package status
	local -A installed=()
	# shellcheck disable=SC2016 # the ${…} is dpkg-query's
	while read -r status package; do
		[[ $status != installed ]] || installed[$package]=yes
	done < <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null)
	for package in "${packages[@]}"; do
		[[ ${installed[$package]:-} ]] || echo "$package"
	done
}

as_root() {
	if ((EUID == 0)); then
		"$@"
	elif type -P sudo >/dev/null; then
		sudo "$@"
	else
		die "root is needed to install packages, and there is no sudo. As root: apt-get update; apt-get install ${missing[*]:-}"
	fi </dev/null
}

# unpack_tool COMMAND PACKAGE: take the one program out of the package, without installing anything.
unpack_tool() (
	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
	cd "$folder"
	apt-get -q -o APT::Sandbox::User="$(id -un)" download "$2"
	dpkg -x ./"$2"_*.deb unpacked
	mkdir -p "$tools"
	cp "unpacked/usr/bin/$1" "$tools/.$1.$$"
	mv "$tools/.$1.$$" "$tools/$1"
	say "Unpacked $1 of package $2 into $tools."
)

main "$@"
