"""networkx: graphs made, searched, measured, written and read."""

import tempfile
from pathlib import Path

import networkx as nx


def main():
    """Make, search, measure."""
    graph = nx.grid_2d_graph(40, 40)
    assert nx.shortest_path_length(graph, (0, 0), (39, 39)) == 78
    assert nx.is_connected(graph)
    made = nx.gnm_random_graph(400, 2000, seed=3)
    for left, right in made.edges:
        made[left][right]["weight"] = (left * right) % 17 + 1
    assert len(nx.minimum_spanning_tree(made).edges) == 399
    assert len(dict(nx.all_pairs_dijkstra_path_length(made))) == 400
    assert max(nx.betweenness_centrality(made, k=50, seed=1).values()) > 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.graphml"
        nx.write_graphml(made, path)
        assert len(nx.read_graphml(path).edges) == 2000


if __name__ == "__main__":
    main()
