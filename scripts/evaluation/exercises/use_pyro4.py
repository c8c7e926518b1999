"""Pyro4: an object served over loopback, called, streamed from, and failing on request."""

import threading

import Pyro4
import Pyro4.util


@Pyro4.expose
class Accounts:
    """What is served."""

    def __init__(self):
        self.amounts = {}

    def pay(self, name, amount):
        """Add to one account."""
        if amount < 0:
            raise ValueError(name)
        self.amounts[name] = self.amounts.get(name, 0) + amount
        return self.amounts[name]

    def listed(self):
        """Stream all accounts."""
        yield from sorted(self.amounts.items())


def main():
    """Serve in a thread, call from this one."""
    Pyro4.config.SERVERTYPE = "thread"
    daemon = Pyro4.Daemon(host="127.0.0.1")
    address = daemon.register(Accounts())
    thread = threading.Thread(target=daemon.requestLoop)
    thread.start()
    with Pyro4.Proxy(address) as accounts:
        for index in range(800):
            accounts.pay(f"account {index % 40}", index)
        assert accounts.pay("account 0", 0) == sum(range(0, 800, 40))
        for _ in range(10):
            assert len(list(accounts.listed())) == 40
        try:
            accounts.pay("account 1", -1)
        except ValueError:
            assert "pay" in "".join(Pyro4.util.getPyroTraceback())
        batch = Pyro4.batch(accounts)
        for index in range(600):
            batch.pay("many", index)
        assert list(batch())[-1] == sum(range(600))
    daemon.shutdown()
    thread.join()
    daemon.close()


if __name__ == "__main__":
    main()
