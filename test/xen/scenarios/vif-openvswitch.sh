# shellcheck shell=bash
# SPDX-License-Identifier: MIT - Xen's vif-openvswitch, unmodified: a plain port, and one in a VLAN
# shellcheck source=test/xen/lib.sh
. /rig/lib.sh

bridge=ovsbr0 vlan4=192.168.107

# ovs_start: as its own start script does, without a service manager.
ovs_start() {
	mkdir -p /run/openvswitch /var/log/openvswitch
	ovsdb-tool create "$state/ovs.db" /usr/share/openvswitch/vswitch.ovsschema
	modprobe openvswitch
	ovsdb-server --detach --no-chdir --pidfile --log-file=/dev/null \
		--remote=punix:/run/openvswitch/db.sock "$state/ovs.db"
	at_end 'kill "$(</run/openvswitch/ovsdb-server.pid)"'
	ovs-vsctl --no-wait init
	ovs-vswitchd --detach --no-chdir --pidfile --log-file=/dev/null
	at_end 'kill "$(</run/openvswitch/ovs-vswitchd.pid)"; sleep 1'
	at_end "ovs-vsctl --timeout=10 del-br $bridge"
	ovs-vsctl --timeout=10 add-br $bridge
	ip addr add $net4.1/24 dev $bridge
	ip addr add $net6:1/64 dev $bridge nodad
	ip link set $bridge up
}

ping_vlan() {
	ping -q -c 10 -i 0.2 -W 5 $vlan4.12 | grep -w '0% packet loss'
}

ovs_start
backend_start
guest_start g1 pv vif=script=vif-openvswitch
guest_start g2 pv "vif=script=vif-openvswitch,bridge=$bridge.7"
guest_wait g1
guest_wait g2
vif=$(guest_vif g1)
check "$vif is a port" [ "$(ovs-vsctl port-to-br "$vif")" = $bridge ]
check "the switch knows whose it is" eval "ovs-vsctl get interface $vif external-ids:xen-vm-name | grep -w g1"
check "the other one has its tag" [ "$(ovs-vsctl get port "$(guest_vif g2)" tag)" = 7 ]
check "g1 answers" ping4 g1 10
check "g1 answers over IPv6" ping6 g1 5
file_make 8
file_put g1
check "a file to the guest keeps its hash" file_to_guest g1
check "a file from the guest keeps its hash" file_from_guest g1
size=$(frame_size "$vif" tx tcp_to_guest g1)
check "TCP to the guest in large frames (mean $size bytes)" compare "$size" '>' 8000

check "g2 does not answer without the tag" is_not ping -q -c 2 -W 2 "$(guest_ip4 g2)"
ovs-vsctl --timeout=10 add-port $bridge v7 tag=7 -- set interface v7 type=internal
ip addr add $vlan4.1/24 dev v7
ip link set v7 up
guest_run g2 "ip addr add $vlan4.12/24 dev eth0"
check "g2 answers with it" ping_vlan
check "TCP to the guest in the VLAN" compare "$(iperf $vlan4.12 -t 3)" '>' 1
check "TCP from the guest in the VLAN" compare "$(iperf $vlan4.12 -R -t 3)" '>' 1
check "detach" xl network-detach g1 0
check "the port is gone" is_not ovs-vsctl --timeout=10 port-to-br "$vif"
