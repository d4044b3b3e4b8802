#!/bin/bash
# Builds the fuzz targets as OSS-Fuzz and ClusterFuzzLite want them:
#
#   CC CXX CFLAGS CXXFLAGS   the compiler, and flags with the sanitizer in them
#   LIB_FUZZING_ENGINE       what a target is linked with
#   SANITIZER                address, undefined, coverage or none
#   SRC                      holds libosip2/, the parser's source (else: as apt has it)
#   WORK                     scratch
#   OUT                      gets fuzz_NAME, its seeds, dictionary and options, lib/
#
# Run from the top of the tree.
set -euo pipefail

say() { printf 'build.sh: %s\n' "$*" >&2; }
for variable in CC CXX LIB_FUZZING_ENGINE SRC WORK OUT; do
    [ -n "${!variable:-}" ] || { say "$variable is not set; this is made for OSS-Fuzz, try scripts/fuzz build"; exit 2; }
done
if [ "${SANITIZER:-address}" = memory ]; then
    say "memory: the tool's libraries are not instrumented, every report would be false"
    exit 2
fi
export CFLAGS=${CFLAGS:-} CXXFLAGS=${CXXFLAGS:-}

# Each function keeps its own frame: refusals are known by the functions that asked.
parser=$(scripts/build-osip --cc "$CC" --output "$WORK/osip" \
    --cflags '-fno-inline -fno-optimize-sibling-calls' \
    $([ ! -d "$SRC/libosip2" ] || echo --source "$SRC/libosip2"))

# Targets run where only the C library is installed: the others go along, and an old
# kind of tag says so for what these need themselves.
cmake -S . -B "$WORK/build" -G Ninja -DSMT_FUZZ_ENGINE=oss "-DOSIP_ROOT=$parser" \
    -DCMAKE_BUILD_TYPE=Debug -DSMT_WERROR=OFF -DBUILD_TESTING=OFF \
    "-DCMAKE_C_COMPILER=$CC" "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--as-needed -Wl,--disable-new-dtags -Wl,-rpath,'\$ORIGIN/lib'"
ninja -C "$WORK/build" all fuzz_seeds

carry_libraries() { # PROGRAM
    mkdir -p "$OUT/lib"
    ldd "$1" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' |
        grep -vE '/(libc|libm|libdl|librt|libpthread|libresolv|libgcc_s|libstdc\+\+)\.so' |
        while read -r library; do cp -Lu "$library" "$OUT/lib/"; done
}

for program in "$WORK"/build/fuzz/fuzz_*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    name=$(basename "$program")
    target=${name#fuzz_}
    cp "$program" "$OUT/"
    carry_libraries "$program"
    [ ! -f "fuzz/$target.options" ] || {
        cp fuzz/sip.dict "$OUT/$name.dict"
        sed "s/^dict = .*/dict = $name.dict/" "fuzz/$target.options" >"$OUT/$name.options"
    }
    rm -f "$OUT/${name}_seed_corpus.zip"
    seeds=$WORK/build/fuzz/seeds/$target
    [ -d "$seeds" ] || seeds=fuzz/seeds/$target
    if [ -n "$(ls -A "$seeds" 2>/dev/null)" ]; then
        (cd "$seeds" && zip -q -r "$OUT/${name}_seed_corpus.zip" .)
    else
        say "$target: no seeds"
    fi
done
cp "$WORK/build/fuzz/known-findings.txt" fuzz/sip.dict "$OUT/" # the dictionary by the name in *.options
