"""The description of the machine that VirtualBox imports: OVF, with VirtualBox's own settings.

One processor, an IDE disk, one network adapter of type virtio behind NAT; no sound, no USB.
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

MEMORY_MB = 384
MAC = "080027c0de12"
"""Vagrant wants a box to say its first adapter's address; each machine gets one of its own when it is imported."""

_OVF = """\
<?xml version="1.0"?>
<Envelope ovf:version="1.0" xml:lang="en-US" xmlns="http://schemas.dmtf.org/ovf/envelope/1" \
xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" \
xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" \
xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:vbox="http://www.virtualbox.org/ovf/machine">
  <References>
    <File ovf:id="file1" ovf:href="box.vmdk"/>
  </References>
  <DiskSection>
    <Info>List of the virtual disks used in the package</Info>
    <Disk ovf:capacity="{capacity}" ovf:diskId="vmdisk1" ovf:fileRef="file1" \
ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized" vbox:uuid="{disk}"/>
  </DiskSection>
  <NetworkSection>
    <Info>Logical networks used in the package</Info>
    <Network ovf:name="NAT"><Description>Logical network used by this appliance.</Description></Network>
  </NetworkSection>
  <VirtualSystem ovf:id={name}>
    <Info>A virtual machine</Info>
    <OperatingSystemSection ovf:id="96">
      <Info>The kind of installed guest operating system</Info>
      <Description>Debian_64</Description>
      <vbox:OSType ovf:required="false">Debian_64</vbox:OSType>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Virtual hardware requirements for a virtual machine</Info>
      <System>
        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>{text_name}</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>virtualbox-2.2</vssd:VirtualSystemType>
      </System>
{items}
    </VirtualHardwareSection>
    <vbox:Machine ovf:required="false" version="1.16-linux" uuid="{{6c616263-746c-4b6f-8f78-000000000012}}" \
name={name} OSType="Debian_64">
      <ovf:Info>Complete VirtualBox machine configuration in VirtualBox format</ovf:Info>
      <Hardware>
        <CPU count="1"><PAE enabled="true"/><LongMode enabled="true"/></CPU>
        <Memory RAMSize="{memory}"/>
        <Paravirt provider="None"/>
        <Boot><Order position="1" device="HardDisk"/><Order position="2" device="None"/>\
<Order position="3" device="None"/><Order position="4" device="None"/></Boot>
        <Display controller="VBoxVGA" VRAMSize="8"/>
        <BIOS><IOAPIC enabled="true"/><Logo fadeIn="false" fadeOut="false" displayTime="0"/></BIOS>
        <Network>
          <Adapter slot="0" enabled="true" MACAddress="{mac}" type="virtio"><NAT localhost-reachable="true"/></Adapter>
        </Network>
        <AudioAdapter enabled="false"/>
        <RTC localOrUTC="UTC"/>
      </Hardware>
      <StorageControllers>
        <StorageController name="IDE" type="PIIX4" PortCount="2" useHostIOCache="true" Bootable="true">
          <AttachedDevice type="HardDisk" hotpluggable="false" port="0" device="0">
            <Image uuid="{{{disk}}}"/>
          </AttachedDevice>
        </StorageController>
      </StorageControllers>
    </vbox:Machine>
  </VirtualSystem>
</Envelope>
"""

_ITEM = "      <Item>\n{fields}\n      </Item>"


def ovf(name: str, capacity: int, disk: str = "6c616263-746c-4b6f-8f78-000000000d15") -> str:
    """The OVF of a machine called `name` with the disk box.vmdk, which has `capacity` bytes."""
    items = [
        ("1 virtual CPU", 1, 3, {"VirtualQuantity": "1"}),
        (f"{MEMORY_MB} MB of memory", 2, 4, {"AllocationUnits": "MegaBytes", "VirtualQuantity": str(MEMORY_MB)}),
        ("ideController0", 3, 5, {"Address": "0", "ResourceSubType": "PIIX4"}),
        ("disk1", 4, 17, {"AddressOnParent": "0", "HostResource": "/disk/vmdisk1", "Parent": "3"}),
        ("Ethernet adapter on 'NAT'", 5, 10, {"AutomaticAllocation": "true", "Connection": "NAT",
                                              "ResourceSubType": "virtio"}),
    ]  # fmt: skip
    text = "\n".join(_item(caption, number, kind, more) for caption, number, kind, more in items)
    attribute = quoteattr(name)
    return _OVF.format(
        name=attribute, text_name=attribute[1:-1], capacity=capacity, items=text, memory=MEMORY_MB, mac=MAC, disk=disk
    )


def _item(caption: str, number: int, kind: int, more: dict[str, str]) -> str:
    """The schema wants its elements in alphabetical order."""
    fields = {"Caption": caption, "ElementName": caption, "InstanceID": str(number), "ResourceType": str(kind), **more}
    lines = [f"        <rasd:{key}>{fields[key]}</rasd:{key}>" for key in sorted(fields)]
    return _ITEM.format(fields="\n".join(lines))
