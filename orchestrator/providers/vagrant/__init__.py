"""Boxes that are virtual machines, of VirtualBox or libvirt, made by Vagrant."""
