# shellcheck shell=bash
# SPDX-License-Identifier: MIT - builds the images that rig boots, from Debian packages, into build/xen/
#
# Sourced by rig, which sets here (test/xen) and top (the source tree).
# Every initramfs archive is uncompressed and so may be concatenated, later files replacing
# earlier ones: base.cpio (dom0's root and the guest's images) is built once, overlay.cpio (our
# programs and scripts) at each start. The kernel is unpacked to its ELF once, because an XZ
# stream costs an emulated CPU 10 seconds at each boot of dom0 and of a guest.

: "${here:?}" "${top:?}"
xen_lib=/usr/lib/xen-4.17
image_dir=$top/build/xen
dom0_root=$image_dir/dom0

dom0_programs=(bash ip bridge tc iperf3 tcpdump ethtool strace ping nsenter
	"$xen_lib"/bin/{xl,xenstored,xenconsoled,xenconsole,xentop,xen-init-dom0,lsevtchn}
	"$xen_lib"/bin/{libxl-save-helper,xenperf,xen-diag}
	xenstore-{chmod,exists,list,ls,read,rm,watch,write})
ovs_programs=(usr/sbin/ovsdb-server usr/bin/ovsdb-tool usr/bin/ovs-vsctl usr/lib/openvswitch-switch/ovs-vswitchd)
dom0_modules=(xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs xen-netback
	bridge stp llc tun veth 8021q vhost_net openvswitch sch_htb sch_tbf sch_fq_codel
	crc32c_generic crc32c-intel 9p 9pnet_virtio virtio_pci)
guest_programs=(bash ip iperf3 ethtool xenstore-{read,write,watch,ls,rm})
guest_modules=(xen-netfront crc32c_generic crc32c-intel 8021q bridge veth tun
	xen-evtchn xen-gntdev xen-gntalloc xen-privcmd)
our_programs=(netbackd:usr/sbin netbackctl:usr/sbin netback-hintd:usr/sbin
	netfront-shim:usr/sbin netback-engine:usr/libexec/netback)

die() {
	echo "rig: $*" >&2
	exit 1
}

# fetch_package NAME: its contents in $image_dir/pkg, without its install scripts (they would
# touch a boot loader, or start a switch on this host).
fetch_package() {
	local dir=$image_dir/deb/$1

	[ ! -e "$image_dir/pkg/have-$1" ] || return 0
	mkdir -p "$dir"
	(cd "$dir" && apt-get download -q "$1") >"$dir/log" 2>&1 || die "download of $1: $(<"$dir/log")"
	dpkg -x "$dir"/*.deb "$image_dir/pkg" || die "cannot unpack $1"
	rm -r "$dir"
	touch "$image_dir/pkg/have-$1"
}

# unpack_kernel VMLINUZ: the ELF in it, on stdout.
unpack_kernel() {
	local offset

	offset=$(LC_ALL=C grep -obUaPm1 '\xFD7zXZ\x00' "$1" | cut -d: -f1 | sed -n 1p)
	xz -dc --single-stream < <(tail -c +$((offset + 1)) "$1" || true)
}

# install_program ROOT FILE DEST [BASE]: FILE as ROOT/DEST, with the libraries it is linked with
# unless BASE has them. /lib is a link to /usr/lib, which an archive must not replace.
install_program() {
	local lib dest

	install -D -m 755 "$2" "$1/$3"
	ldd "$2" 2>/dev/null | grep -o '/[^ )]*' | while read -r lib; do
		dest=/usr${lib#/usr}
		[ -e "${4:-$1}$dest" ] || [ -e "$1$dest" ] || install -D "$lib" "$1$dest"
	done
}

# install_modules ROOT MODULE...: modules with all they depend on.
install_modules() {
	local root=$1 tree=$image_dir/pkg module

	shift
	modprobe -d "$tree" -S "$kernel_version" --show-depends -a "$@" |
		awk '$1 == "insmod" { print $2 }' | sort -u | while read -r module; do
		install -D -m 644 "$module" "$root/${module#"$tree"}"
	done
	cp "$tree/lib/modules/$kernel_version"/modules.{order,builtin,builtin.modinfo} \
		"$root/lib/modules/$kernel_version/"
	depmod -b "$root" "$kernel_version"
}

# new_root ROOT: an empty root directory with busybox in all its names. Its shell is not used:
# it prefers its own applets to the programs of the same name.
new_root() {
	local name

	rm -rf "$1"
	mkdir -p "$1"/{dev,proc,sys,run,tmp,root,etc,usr/{bin,sbin,lib,lib64,libexec},var/{lib,log}/xen}
	for name in bin sbin lib lib64; do
		ln -s "usr/$name" "$1/$name"
	done
	ln -s ../run "$1/var/run"
	install -m 755 /bin/busybox "$1/usr/bin/busybox"
	for name in $(busybox --list | grep -vx busybox); do
		ln -s busybox "$1/usr/bin/$name"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\n' >"$1/etc/passwd"
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$1/etc/hosts"
}

# pack ROOT: ROOT as an initramfs archive on stdout, owned by root.
pack() {
	(cd "$1" && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet)
}

install_programs() {
	local root=$1 name path

	shift
	for name in "$@"; do
		path=$(PATH=$PATH:/usr/sbin:/sbin type -P "$name") || die "no program $name"
		rm -f "$root/usr/bin/${name##*/}"
		install_program "$root" "$path" "usr/bin/${name##*/}"
	done
}

# install_libgcc ROOT: no program is linked with it, but one that cancels a thread aborts without it: xl on
# an error path, netfront-shim when libxenstore ends.
install_libgcc() {
	local lib

	lib=$(ldconfig -p | awk '/libgcc_s.so.1 .*x86-64/ && !n++ { print $NF }')
	install -D "$lib" "$1/usr${lib#/usr}"
}

build_guest() {
	local root=$image_dir/guest

	new_root "$root"
	install_programs "$root" "${guest_programs[@]}"
	ln -sf bash "$root/usr/bin/sh"
	install_libgcc "$root"
	install_modules "$root" "${guest_modules[@]}"
	pack "$root" >"$image_dir/guest.cpio"
	rm -rf "$root"
}

# install_ovs ROOT: Open vSwitch for vif-openvswitch; there is no service manager, scenarios start it.
install_ovs() {
	local path

	for path in "${ovs_programs[@]}"; do
		install_program "$1" "$image_dir/pkg/$path" "usr/bin/${path##*/}"
	done
	install -D -m 644 "$image_dir/pkg/usr/share/openvswitch/vswitch.ovsschema" \
		"$1/usr/share/openvswitch/vswitch.ovsschema"
	mkdir -p "$1/etc/openvswitch"
}

build_dom0() {
	local lib

	new_root "$dom0_root"
	install_programs "$dom0_root" "${dom0_programs[@]}"
	ln -sf bash "$dom0_root/usr/bin/sh"
	# busybox answers for modprobe, but netfilter and bridge want kmod's idea of aliases
	rm -f "$dom0_root"/usr/bin/{modprobe,insmod,rmmod,lsmod,depmod}
	install_program "$dom0_root" /bin/kmod usr/bin/kmod
	for lib in modprobe insmod rmmod lsmod depmod; do
		ln -s ../bin/kmod "$dom0_root/usr/sbin/$lib"
	done
	install_ovs "$dom0_root"
	install_modules "$dom0_root" "${dom0_modules[@]}"
	install_libgcc "$dom0_root"
	cp -r /etc/xen "$dom0_root/etc/xen"
	mkdir -p "$dom0_root"{/usr/lib/xen-common,"$xen_lib"}
	cp -r /usr/lib/xen-common/bin "$dom0_root/usr/lib/xen-common/"
	ln -s /usr/bin "$dom0_root$xen_lib/bin"
	mkdir -p "$dom0_root/guest"
	cp "$image_dir"/{vmlinux,guest.cpio} "$dom0_root/guest/"
	pack "$dom0_root" >"$image_dir/base.cpio"
	rm -rf "$dom0_root/guest"
}

# image_build_base: everything that comes from Debian; skipped if it is there and this file has
# not changed since.
image_build_base() {
	local linux pkg=$image_dir/pkg stamp=$image_dir/base.stamp

	[ "$stamp" -nt "$here/images.sh" ] && return
	echo "rig: building the base images (once)" >&2
	make -s -C "$top" build/deps-xen
	linux=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-/ && !n++ { print $2 }')
	kernel_version=${linux#linux-image-}
	[ -e "$pkg/have-$linux" ] || rm -rf "$pkg"
	fetch_package xen-hypervisor-4.17-amd64
	fetch_package "$linux"
	fetch_package openvswitch-common
	fetch_package openvswitch-switch
	depmod -b "$pkg" "$kernel_version"
	zcat "$pkg"/boot/xen-4.17-amd64.gz >"$image_dir/xen.elf"
	unpack_kernel "$pkg/boot/vmlinuz-$kernel_version" >"$image_dir/vmlinux"
	build_guest
	build_dom0
	touch "$stamp"
}

# image_build_overlay ROOT: what changes often, as $image_dir/overlay.cpio.
image_build_overlay() {
	local root=$1 entry

	mkdir -p "$root/rig"
	cp "$here"/{lib,netdom}.sh "$root/rig/"
	cp -r "$here/scenarios" "$root/rig/scenarios"
	install -m 755 "$here/dom0/init" "$root/init"
	install -D -m 755 "$here/guest/init" "$root/guest/overlay/init"
	install -m 755 "$here/dom0/netdom-init" "$root/rig/"
	install -D -m 755 "$here/guest/serve" "$root/usr/sbin/guest-serve"
	install -D -m 755 "$here/guest/serve" "$root/guest/overlay/usr/sbin/guest-serve"
	install -D -m 755 "$here/guest/network" "$root/guest/overlay/usr/sbin/guest-network"
	# with its libraries: the guest's root has not all of them
	[ ! -x "$top/build/netfront-shim" ] || install_program "$root/guest/overlay" \
		"$top/build/netfront-shim" usr/sbin/netfront-shim
	for entry in "${our_programs[@]}"; do
		if [ -x "$top/build/${entry%%:*}" ]; then
			install_program "$root" "$top/build/${entry%%:*}" "${entry#*:}/${entry%%:*}" "$dom0_root"
		fi
	done
	pack "$root" >"$image_dir/overlay.cpio"
}
