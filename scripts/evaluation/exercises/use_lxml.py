"""lxml: XML and HTML parsed, searched, transformed, validated and written."""

import io
import tempfile
from pathlib import Path

from lxml import etree, html

_STYLE = (
    '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/">'
    '<names><xsl:for-each select="//book"><n><xsl:value-of select="title"/></n></xsl:for-each></names>'
    "</xsl:template></xsl:stylesheet>"
)
_SCHEMA = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="names"><xs:complexType><xs:sequence>'
    '<xs:element name="n" type="xs:string" maxOccurs="unbounded"/>'
    "</xs:sequence></xs:complexType></xs:element></xs:schema>"
)


def main():
    """Parse, transform, validate, write, read."""
    root = etree.Element("books")
    for number in range(8000):
        book = etree.SubElement(root, "book", number=str(number))
        etree.SubElement(book, "title").text = f"title {number}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "books.xml"
        for _ in range(15):
            etree.ElementTree(root).write(str(path), encoding="utf-8", xml_declaration=True)
            read = etree.parse(str(path))
            assert read.xpath("count(//book[@number mod 2 = 0])") == 4000
            assert sum(1 for _ in etree.iterparse(str(path), tag="title")) == 8000
    names = etree.XSLT(etree.XML(_STYLE))(root)
    assert etree.XMLSchema(etree.parse(io.BytesIO(_SCHEMA.encode()))).validate(names)
    page = html.fromstring("<p>one <a href='/x'>two</a><br><p>three")
    page.make_links_absolute("http://example.org/")
    assert page.xpath("//a/@href") == ["http://example.org/x"]
    entity = '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;</a>'
    assert not etree.fromstring(entity, etree.XMLParser(resolve_entities=False)).text


if __name__ == "__main__":
    main()
