"""beautifulsoup4: a large and untidy page parsed, searched, changed and written."""

from bs4 import BeautifulSoup

_ROW = '<tr class="row n{0}"><td>{0}<td><a href="/item/{0}">item {0}</a><br></tr>'


def main():
    """Parse, search, change."""
    page = f"<html><body><table>{''.join(_ROW.format(number) for number in range(1500))}</table><p>end"
    soup = BeautifulSoup(page, "html.parser")
    assert len(soup.find_all("tr", class_="row")) == 1500
    assert soup.select_one("tr.n7 a")["href"] == "/item/7"
    assert soup.find(string="item 1499").find_parent("tr")["class"] == ["row", "n1499"]
    for link in soup.find_all("a"):
        link["rel"] = "nofollow"
        link.insert_after(soup.new_tag("i"))
    soup.p.replace_with("")
    assert str(soup).count("nofollow") == 1500
    assert soup.get_text().startswith("0item 0")


if __name__ == "__main__":
    main()
