#!/bin/bash
# SPDX-License-Identifier: MIT -- clients of the control socket that are slow, loud or wrong cost only themselves
. "$(dirname "$0")/functions.sh"
requires python3
start_machine 3
start_netbackd
vif_add 3 0
python3 - "$run/ctl.sock" << 'END' || fail "see above"
import json, socket, sys, time

def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(sys.argv[1])
    return s

def ask(line):
    s = connect()
    s.sendall(line)
    data = b""
    while True:
        try:
            part = s.recv(65536)
        except ConnectionResetError:
            return data
        if not part:
            return data
        data += part

def says(line, text):
    reply = json.loads(ask(line))
    assert not reply["ok"] and text in reply["error"], reply

says(b'{"command": "list", "vif": "vif9.9"}\n', "no vif9.9")
says(b'{"command": "reboot"}\n', "no command")
says(b'{"command": "show"}\n', "which vif")
for line in b"\n", b"}{\n", b"[]\n", b"42\n", b'{"command": 1}\n', b"[" * 900 + b"\n":
    says(line, "no command")
assert ask(b"x" * 5000) == b"" # dropped without an answer
idle = [connect() for n in range(16)] # all the room there is
full = connect() # a seventeenth is told at once
assert full.recv(1) == b""
start = time.time()
assert idle[0].recv(1) == b"" and time.time() - start < 8
time.sleep(0.5)
assert json.loads(ask(b'{"command": "list"}\n'))["vifs"][0]["vif"] == "vif3.0"
END
