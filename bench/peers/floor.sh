#!/bin/bash
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The floor: one ssh to each host, all at once, and nothing that is not needed. Nothing is verified or remembered.
#
#   floor.sh SERVICE PORT VERSION UNPACK URL-or-FILE ADDRESS...      SSH_OPTIONS has what ssh is told
#
# UNPACK is yes or no; a FILE is pushed on standard input.
set -u
service=$1 port=$2 version=$3 unpack=$4 from=$5
shift 5
root=/opt/$service
release=$root/releases/$version
case $from in http://*) source="curl -fsS $from |" ;; *) source="" ;; esac
case $unpack in yes) sink="tar -xzf - -C $release" ;; *) sink="(cat >$release/app && chmod 755 $release/app)" ;; esac
remote="set -e -o pipefail
mkdir -p $release
$source $sink
ln -s releases/$version $root/next
mv -T $root/next $root/current
systemctl enable --quiet $service.service
systemctl restart $service.service
for try in \$(seq 600); do [ \"\$(curl -fs http://127.0.0.1:$port/version)\" = $version ] && break; sleep 0.1; done
[ \"\$(curl -fs http://127.0.0.1:$port/version)\" = $version ]
cd $root && ls -1dt releases/* | tail -n +3 | xargs -r rm -rf"
[ -n "$source" ] && from=/dev/null

running=()
for address; do
    # shellcheck disable=SC2029,SC2086 # the options are several words, and all that is expanded is meant to be
    ssh $SSH_OPTIONS "ops@$address" "sudo bash -c $(printf %q "$remote")" <"$from" &
    running+=($!)
done
failed=0
for pid in "${running[@]}"; do wait "$pid" || failed=1; done
exit $failed
