# A minimal Debian in a folder, from the mirrors of this machine's apt. Sourced by tests/fresh, tests/install_test and
# tests/vm/image.
# shellcheck shell=bash

# debian_mirror ENDING: the first mirror of this machine's apt whose URL ends so; nothing when there is none.
debian_mirror() {
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -E "/$1/?\$" | head -n 1) || true
  if [[ -z $mirror ]]; then # apt has no list of packages yet
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
      sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\(https\{0,1\}:[^ ]*\).*/\2/p; s/^URIs: *\([^ ]*\).*/\1/p' | grep -E "/$1/?\$" | head -n 1) || true
  fi
  printf '%s\n' "$mirror"
}

# make_debian SUITE ROOT LOG [OPTION OF debootstrap…]: a minimal one at ROOT, with sources (the security updates, too) and the
# proxy that this machine's apt uses. MIRROR=URL overrides the mirror. False, with the reason at the end of LOG, when it fails.
make_debian() {
  local suite=$1 root=$2 log=$3 mirror security
  shift 3
  mirror=${MIRROR:-$(debian_mirror debian)}
  security=$(debian_mirror debian-security)
  if [[ -z $mirror ]]; then
    echo "no apt source of this machine is a Debian mirror; give MIRROR=URL" >"$log"
    return 1
  fi
  debootstrap "$@" --variant=minbase "$suite" "$root" "$mirror" >"$log" 2>&1 || return 1
  printf 'deb %s %s main\n' "$mirror" "$suite" >"$root/etc/apt/sources.list"
  if [[ -n $security ]]; then printf 'deb %s %s-security main\n' "$security" "$suite" >>"$root/etc/apt/sources.list"; fi
  cp -a /etc/apt/apt.conf.d/*proxy* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
}
