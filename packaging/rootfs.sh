#!/usr/bin/env bash
# Lays out the file system of the image: the program, the shared libraries it loads, and a user to run as. Nothing else:
# no shell, no package manager. Used by the Dockerfile, and by the test that checks the image without a container engine.
#
#   packaging/rootfs.sh BINARY FOLDER
set -euo pipefail
binary=$1
root=$2

mkdir -p "$root/usr/bin" "$root/etc" "$root/tmp"
chmod 1777 "$root/tmp"
install -m 0755 "$binary" "$root/usr/bin/agkeeper"
strip --strip-debug "$root/usr/bin/agkeeper"

# ldd prints "name => /path (address)", and the loader as "/path (address)". On merged-/usr systems /lib is a link into
# /usr/lib: keep the paths as the loader looks them up.
ldd "$binary" | sed -nE 's/^.*=> (\/[^ ]+) .*$/\1/p; s/^[[:space:]]*(\/[^ ]+) .*$/\1/p' | sort -u | while read -r library; do
	install -D -m 0644 "$(readlink -f "$library")" "$root$library"
done
find "$root" -name 'ld-linux*' -exec chmod 0755 {} +

printf 'root:x:0:0:root:/:/sbin/nologin\nagkeeper:x:65532:65532:agkeeper:/:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\nagkeeper:x:65532:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
