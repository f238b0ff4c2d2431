#!/bin/bash
# Build kube-apiserver, kube-controller-manager and kube-scheduler from Debian's source package into the cache.
#
# Does nothing when they are there already. Takes about three minutes on two cores, 35 MB of download and, while it
# runs, 3 GB of disk. Only a complete build is ever visible in the cache: everything happens in a folder beside it, which
# is renamed at the end, under a lock so that two callers do not build twice.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$(readlink -f "$0")")/lib.sh"

programs=(kube-apiserver kube-controller-manager kube-scheduler)
go_root=/usr/lib/go-1.19 # Debian 12's Go

work= # the temporary folder
job=  # the long command that is running
started=$SECONDS

main() {
	kubernetes_is_built && return
	need apt-get awk flock tar
	[[ -x $go_root/bin/go ]] || die "Go 1.19 is not installed (package golang-1.19-go). './dev deps' installs it."

	lock "$cache/kubernetes-$kubernetes_version.lock" "Another process is building Kubernetes; waiting for it…"
	kubernetes_is_built && return
	rm -rf "$built" "$cache"/kubernetes-build.* # left by a build that was killed: nobody else can own them now

	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	work=$(mktemp -d "$cache/kubernetes-build.XXXXXX")
	cd "$work"
	say "Building Kubernetes $kubernetes_version from Debian's source package, once; about three minutes on two cores."

	step 1 "fetching the source"
	run download
	step 2 "unpacking"
	run unpack
	step 3 "building the OpenAPI generator"
	run go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
	step 4 "generating the OpenAPI definitions"
	run generate_openapi
	step 5 "compiling ${programs[*]}"
	run compile

	echo "$recipe" >"$work/programs/recipe"
	chmod 755 "$work/programs"
	mv -T "$work/programs" "$built"
	say "Kubernetes $kubernetes_version is ready in $built ($((SECONDS - started)) s)."
}

step() { printf '[%3d s] %d/5 %s\n' "$((SECONDS - started))" "$1" "$2" >&2; }

# run COMMAND...: in the background, so that a signal is answered at once, with a word now and then while it lasts.
# Its output is kept, and shown only if it fails.
run() {
	local next=$((SECONDS + 30))
	(
		[[ ! -d $work/src/k8s.io/kubernetes ]] || cd "$work/src/k8s.io/kubernetes"
		"$@"
	) >"$work/log" 2>&1 </dev/null &
	job=$!
	while kill -0 "$job" 2>/dev/null; do
		if ((SECONDS >= next)); then
			printf '[%3d s]     … still at it\n' "$((SECONDS - started))" >&2
			next=$((SECONDS + 30))
		fi
		sleep 0.2
	done
	if ! wait "$job"; then
		job=
		tail -n 40 "$work/log" >&2
		die "building Kubernetes failed at: $*"
	fi
	job=
}

clean_up() {
	[[ -z $job ]] || kill "$job" 2>/dev/null || true
	[[ -z $job ]] || wait "$job" 2>/dev/null || true
	rm -rf "$work"
}

# GOPATH mode: the source carries its vendor tree, and in module mode Go 1.19 refuses that tree as inconsistent.
# Go's caches stay inside the work folder, and nothing of the user's Go settings gets in.
go() {
	env -u GOROOT GOPATH="$work" GOCACHE="$work/go-cache" GOTMPDIR="$work" GOENV=off GOFLAGS='' GO111MODULE=off CGO_ENABLED=0 \
		"$go_root/bin/go" "$@"
}

# Fetch the source package with apt lists of our own: the machine's own list of sources often leaves the source index
# out, and changing it would be none of our business.
download() {
	local apt=(apt-get -q
		-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/sources"
		-o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/apt-cache"
		-o APT::Sandbox::User="$(id -un)")
	mkdir -p sources lists/partial apt-cache
	write_source_lists
	"${apt[@]}" update
	"${apt[@]}" --download-only source kubernetes golang-github-modern-go-reflect2
	compgen -G "kubernetes_*$kubernetes_version*.orig.tar.gz" >/dev/null || {
		echo "This machine's package sources have kubernetes in another version than $kubernetes_version:"
		ls
		echo "Use Debian 12, or set KUBEBUILDER_ASSETS to a folder with kube-apiserver and its companions."
		return 1
	}
}

# Copy the entries for this Debian release from the machine's lists, asking each for sources. Both forms are understood:
# one-line (sources.list, *.list) and stanzas (*.sources).
write_source_lists() {
	local codename
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	[[ -n $codename ]] || {
		echo "/etc/os-release names no release: this is not Debian."
		return 1
	}
	{ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
		awk -v codename="$codename" '
			/^[ \t]*deb(-src)?[ \t]/ {
				for (i = 2; i <= NF; i++)
					if ($i ~ "^" codename "(-|/|$)") {
						sub(/^[ \t]*deb(-src)?/, "deb-src")
						print
						next
					}
			}' | sort -u >sources/machine.list
	# A comment line may stand inside a stanza, so they go first: an empty line alone ends one.
	for file in /etc/apt/sources.list.d/*.sources; do
		[[ ! -e $file ]] || {
			sed '/^#/d' "$file"
			echo
		}
	done |
		awk -v codename="$codename" '
			BEGIN { RS = ""; FS = "\n"; ORS = "\n\n" }
			{
				wanted = 0
				for (i = 1; i <= NF; i++) {
					if ($i ~ /^Types:/) $i = "Types: deb-src"
					if ($i ~ "^Suites:.*[ \t]" codename "(-|/|[ \t]|$)") wanted = 1
				}
				OFS = "\n"
				$1 = $1
				if (wanted) print
			}' >sources/machine.sources
	[[ -s sources/machine.list || -s sources/machine.sources ]] || {
		echo "No package source for $codename found in /etc/apt."
		return 1
	}
}

unpack() {
	mkdir -p src/k8s.io/kubernetes
	tar -xzf kubernetes_*.orig.tar.gz -C src/k8s.io/kubernetes --strip-components=1
	# The vendored reflect2 is older than Go 1.18, whose map iteration it corrupts memory with: the API server dies of
	# the first server-side apply of a custom resource. Debian has the version that fixes it.
	local reflect2=src/k8s.io/kubernetes/vendor/github.com/modern-go/reflect2
	rm -r "$reflect2"
	mkdir "$reflect2"
	tar -xzf golang-github-modern-go-reflect2_*.orig.tar.gz -C "$reflect2" --strip-components=1
}

# The one generated file that the source package lacks. Its input is every package that asks for OpenAPI definitions.
generate_openapi() {
	local packages
	packages=$(grep -rl --include='*.go' '+k8s:openapi-gen=' staging/src/k8s.io pkg cmd |
		xargs -n 1 dirname | sort -u |
		grep -vE '/(code-generator|sample-[^/]*|testapigroup)/' |
		sed -E 's#^staging/src/#vendor/#; s#^#k8s.io/kubernetes/#' |
		paste -sd,)
	PATH=$go_root/bin:$PATH GOPATH=$work GOCACHE=$work/go-cache GO111MODULE=off GOFLAGS='' GOENV=off CGO_ENABLED=0 \
		"$work/openapi-gen" -O zz_generated.openapi -h /dev/null -r "$work/openapi-report" \
		-p k8s.io/kubernetes/pkg/generated/openapi -i "$packages"
}

compile() {
	local name package flags='-s -w'
	# The source says v0.0.0-master; clients choose what to use by the version they are told.
	for package in component-base/version client-go/pkg/version; do
		for name in "gitVersion=v$kubernetes_version" "gitMajor=1" "gitMinor=$(cut -d. -f2 <<<"$kubernetes_version")"; do
			flags+=" -X k8s.io/kubernetes/vendor/k8s.io/$package.$name"
		done
	done
	mkdir -p "$work/programs"
	go build -trimpath -ldflags "$flags" -o "$work/programs/" "${programs[@]/#/./cmd/}"
}

main "$@"
