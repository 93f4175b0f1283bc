# Getting a fresh machine ready: install what is missing, build what is asked. Sourced by experiments/run and tests/run,
# which set `top` (the repository). What apt, cmake and ninja say goes to build/prepare.log and is shown when they fail.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }
die() { say "$@"; exit 6; }

log=$top/build/prepare.log
mkdir -p "$top/build" && : >"$log" || die "build/ cannot be written to; if root made it, use sudo again or remove it"

# show_log WHAT: what went wrong, at its end, and where the rest is.
show_log() {
  say "---- the end of $log ----"
  tail -n 40 "$log" >&2
  die "$1 failed; all of its output is in $log"
}

# ---- packages ----

# listed FILE [WORD…]: the packages of a list that have no condition, and those with one of WORDs as their condition.
listed() {
  local package conditions word
  while read -r package conditions; do
    [[ -n $package && $package != \#* ]] || continue
    if [[ -z $conditions ]]; then printf '%s\n' "$package"; fi
    for word in "${@:2}"; do
      if [[ " $conditions " == *" $word "* ]]; then printf '%s\n' "$package"; break; fi
    done
  done <"$1"
}

# commands_missing LIST PLAN: the commands among the list's conditions that the plan, or a file that it names, names and this
# machine has not. (Debian's server `postgres` is in nobody's PATH: it always counts as missing here, and install() knows better.)
commands_missing() {
  local command file text
  text=$(cat "$2"; grep -o '\${plan_dir}/[^"]*' "$2" | sort -u | while IFS= read -r file; do
    file=$(dirname "$2")/${file#*/}
    if [[ -f $file ]]; then cat "$file"; fi
  done || true)
  for command in $(awk '$1 !~ /^#/ {$1 = ""; print}' "$1"); do
    if sed '/^ *#/d' <<<"$text" | grep -w -e "$command" >/dev/null && ! command -v "$command" >/dev/null; then printf '%s\n' "$command"; fi
  done
}

# Debian's packages of nginx, haproxy and redis start their service as they are installed. Nothing of ours wants that, so
# for the duration of our own apt-get call, and unless the machine has a policy of its own, a policy-rc.d forbids it.
policy=/usr/sbin/policy-rc.d
policy_text='#!/bin/sh
# Put here by Faultline while it installs packages; it takes it away again.
exit 101'
forbid_services() {
  # One that an earlier, killed call of ours left behind is ours too.
  if [[ -e $policy || -L $policy ]] && [[ $(cat "$policy") != "$policy_text" ]]; then return; fi
  policy_is_ours=1
  printf '%s\n' "$policy_text" >"$policy"
  chmod 755 "$policy"
}
allow_services() {
  if [[ -n ${policy_is_ours:-} ]]; then rm -f "$policy"; fi
  policy_is_ours=
}

# install PACKAGE…: installs those that are missing, and calls apt-get only if some are.
install() {
  command -v dpkg-query >/dev/null || return 0  # not Debian: cmake says what it does not find
  local package missing=()
  for package; do
    [[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == *" installed" ]] || missing+=("$package")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  [[ $EUID == 0 ]] || { say "These packages are missing: ${missing[*]}"; say "Use sudo to have them installed."; exit 4; }
  say "Installing with apt-get: ${missing[*]}"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
  forbid_services
  # The list of packages may be old or absent: it is read anew only if the install fails without.
  "${apt[@]}" install --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null ||
    { "${apt[@]}" update >>"$log" 2>&1 && "${apt[@]}" install --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; } ||
    show_log "apt-get"
  allow_services
}

# ---- building ----

# The folders made here, given to the user behind sudo at the end, so that the next build needs no sudo.
ours=()
give_back() {
  [[ $EUID == 0 && -n ${SUDO_UID:-} && -n ${SUDO_GID:-} ]] || return 0
  local folder
  for folder in ${ours[@]+"${ours[@]}"}; do
    if [[ -d $folder && ! -L $folder ]]; then chown -R -h "$SUDO_UID:$SUDO_GID" "$folder"; fi
  done
}

# build FOLDER "TARGET…" [CMAKE OPTION…]: configures when it must, builds, and shows how far it is. One folder serves both
# scripts: options are given only by the one that needs them, and what the other chose stays.
build() {
  local folder=$1 line last=0 quarter
  local targets
  read -ra targets <<<"$2"
  shift 2
  ours+=("$folder")
  if [[ $# -gt 0 || ! -f $folder/CMakeCache.txt ]]; then
    local generator=(-G Ninja)
    if [[ -f $folder/CMakeCache.txt ]]; then generator=(); fi  # whoever made it chose
    cmake -S "$top" -B "$folder" "${generator[@]}" "$@" >>"$log" 2>&1 || show_log "cmake"
  fi
  # The steps are counted off the build's output: in place on a terminal, now and then in a log.
  if ! NINJA_STATUS='[%f/%t] ' cmake --build "$folder" --target "${targets[@]}" 2>&1 | tee -a "$log" | {
    while IFS= read -r line; do
      [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
      if [[ -t 2 ]]; then
        printf '\r\033[KBuilding %s: %d of %d' "${folder##*/}" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" >&2
      else
        quarter=$((4 * BASH_REMATCH[1] / BASH_REMATCH[2]))
        if ((quarter > last)); then say "Building ${folder##*/}: ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]}"; last=$quarter; fi
      fi
    done
    if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
  }; then
    show_log "the build"
  fi
}
