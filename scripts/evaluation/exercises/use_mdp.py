"""MDP: components, slow features and a flow of nodes, trained, executed and saved."""

import tempfile
from pathlib import Path

import mdp
import numpy as np


def main():
    """Train a few nodes and a flow."""
    generator = np.random.RandomState(3)
    time = np.linspace(0, 40, 5000)
    hidden = np.vstack([np.sin(time), np.sign(np.sin(3 * time)), generator.uniform(-1, 1, time.size)]).T
    mixed = hidden @ generator.rand(3, 8) + 0.01 * generator.rand(time.size, 8)
    for _ in range(40):
        components = mdp.pca(mixed, output_dim=3)
        assert components.shape == (5000, 3)
        assert mdp.fastica(components, whitened=False, dtype="float64").shape == (5000, 3)
    flow = mdp.Flow(
        [
            mdp.nodes.PCANode(output_dim=3, svd=True),
            mdp.nodes.PolynomialExpansionNode(2),
            mdp.nodes.SFANode(output_dim=2),
        ]
    )
    flow.train(mixed)
    slow = flow(mixed)
    assert slow.shape == (5000, 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flow.pickle"
        flow.save(str(path))
        assert path.stat().st_size > 100
    gas = mdp.nodes.GrowingNeuralGasNode(max_nodes=20)
    gas.train(components[:400])
    gas.stop_training()
    assert len(gas.graph.nodes) > 2


if __name__ == "__main__":
    main()
