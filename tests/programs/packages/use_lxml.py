"""lxml: libxml2 opens, writes and includes files by itself; XSLT reads and writes documents."""

import threading

from lxml import etree

with open("entity.xml", "w") as out:
    out.write("<part>included</part>")
with open("in.xml", "w") as out:
    out.write(
        '<!DOCTYPE doc SYSTEM "doc.dtd"><doc xmlns:xi="http://www.w3.org/2001/XInclude">'
        '<xi:include href="entity.xml"/><item n="1"/><item n="2"/></doc>'
    )
with open("doc.dtd", "w") as out:
    out.write("<!ELEMENT doc ANY><!ELEMENT item EMPTY><!ATTLIST item n CDATA #IMPLIED>")
with open("style.xsl", "w") as out:
    out.write(
        '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:output encoding="utf-8"/>'
        '<xsl:template match="/"><out count="{count(//item)}"><xsl:copy-of select="document(\'entity.xml\')"/>'
        "</out>"
        "</xsl:template></xsl:stylesheet>"
    )

tree = etree.parse("in.xml", etree.XMLParser(load_dtd=True, no_network=True))
tree.xinclude()
tree.write("out.xml", pretty_print=True)
tree.write("out.xml.gz", compression=6)
assert etree.parse("out.xml.gz").find("part").text == "included"
result = etree.XSLT(etree.parse("style.xsl"))(tree)
result.write_output("result.xml")
assert result.getroot().get("count") == "2"
try:
    etree.XSLT(etree.XML(open("style.xsl").read().replace("entity.xml", "absent.xml")))(tree)
except etree.XSLTApplyError:
    pass
for _, element in etree.iterparse("out.xml", events=("end",)):
    element.clear()
try:
    etree.parse("nowhere.xml")
except OSError:
    pass
try:
    etree.parse("http://127.0.0.1:9/closed.xml", etree.XMLParser(no_network=False))
except OSError:
    pass


def parse_alone():
    for _ in range(3):
        etree.parse("in.xml")


threads = [threading.Thread(target=parse_alone) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
