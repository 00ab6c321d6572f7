#!/bin/bash
# The program that runs plans needs neither MLIR nor LLVM: follows the dynamic sections from it through all libraries.
set -euo pipefail

# Prints the names of all libraries that a program needs, directly or through another.
closure() {
  local -A seen=()
  local -a open=("$1") folders=()
  local file name found folder line
  while ((${#open[@]} > 0)); do
    file=${open[0]}
    open=("${open[@]:1}")
    folders=()
    while read -r line; do
      line=${line#*[}
      line=${line%]*}
      IFS=: read -r -a folders <<<"${line//\$ORIGIN/$(dirname "$file")}"
    done < <(readelf -d "$file" | grep -E '\((RUNPATH|RPATH)\)' || true)
    while read -r name; do
      [[ -z ${seen[$name]:-} ]] || continue
      seen[$name]=1
      printf '%s\n' "$name"
      found=
      for folder in "${folders[@]}"; do
        [[ -e $folder/$name ]] && found=$folder/$name && break
      done
      [[ -n $found ]] || found=$(ldconfig -p | awk -v name="$name" '$1 == name { print $NF; exit }')
      if [[ -z $found ]]; then
        echo "requires a library that can be found, got $name of $file" >&2
        return 1
      fi
      open+=("$(readlink -f "$found")")
    done < <(readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p')
  done
}

PATH=$PATH:/sbin:/usr/sbin
program=$1
compiler=$2

of_program=$(closure "$program")
of_compiler=$(closure "$compiler")
grep -q '^libc\.so' <<<"$of_program" || { echo "requires the scan to find libc, got: $of_program"; exit 1; }
grep -qE 'LLVM|MLIR' <<<"$of_compiler" || {
  echo "requires the scan to see LLVM where it is, got: $of_compiler"
  exit 1
}
if grep -E 'LLVM|MLIR' <<<"$of_program"; then
  echo "requires cleave-run to need neither MLIR nor LLVM, got the above"
  exit 1
fi
echo "cleave-run needs $(wc -l <<<"$of_program") libraries, none of MLIR or LLVM"
