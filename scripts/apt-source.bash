# Source packages by apt, for scripts that source this file: the mirrors apt is
# configured with are read, nothing of the system's apt is changed, and its lists
# and caches are in a folder of the caller's. What comes is checked by the keyring
# in $keyring.
keyring=${SMT_APT_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}

# "URI SUITE" of each repository apt is configured with (one-line and deb822
# formats alike: apt itself reads them), Debian's main archive only.
apt_repositories() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' \
        'Created-By: Packages' 2>/dev/null |
        awk '$3 == "main" && ($4 == "Debian" || $4 ~ /^\$/ || $4 == "") { print $1, $2 }' |
        sort -u
}

# apt-get with nothing of its own but the mirrors' addresses.
apt_private() { # FOLDER ARGUMENT...
    local folder=$1
    shift
    apt-get -qq -o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder/cache" \
        -o "APT::Sandbox::User=$(id -un)" -o Acquire::AllowInsecureRepositories=false \
        -o Acquire::Languages=none -o APT::Get::AllowUnauthenticated=false \
        -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 "$@"
}

# Reads the source lists of the "URI SUITE" lines on standard input.
apt_lists_update() { # FOLDER
    local uri suite
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/source"
    while read -r uri suite; do
        printf 'deb-src [signed-by=%s] %s %s main\n' "$keyring" "$uri" "$suite"
    done >"$1/sources.list"
    apt_private "$1" update
}

# Downloads a source package to FOLDER/source. apt checks its .dsc against the
# signed list, and dpkg-source the files against that.
apt_source_download() { # FOLDER PACKAGE[=VERSION]
    (cd "$1/source" && apt_private "$1" source --download-only "$2")
}

# Unpacks a .dsc into a folder, which is not there before all of it is.
apt_source_unpack() { # DSC FOLDER
    rm -rf "$2.new"
    dpkg-source --no-check -x "$1" "$2.new" || return
    rm -rf "$2"
    mv "$2.new" "$2"
}
