"""Hosts on one Linux bridge, one ping, teardown: what mininet needs for it. Usage: peer_mininet.py HOSTS (as root)."""

import sys

from mininet.net import Mininet
from mininet.nodelib import LinuxBridge

net = Mininet(switch=LinuxBridge, controller=None, ipBase="172.20.0.0/16")
switch = net.addSwitch("s1")
for number in range(int(sys.argv[1])):
    net.addLink(net.addHost(f"h{number}"), switch)
net.start()
told = net["h0"].cmd(f"ping -q -c1 -w9 -i0.01 {net['h1'].IP()}")
net.stop()
sys.exit(0 if " 0% packet loss" in told else told)
