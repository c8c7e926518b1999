"""Pyro5: an object served over loopback, found by a name server, called and streamed from."""

import threading

import Pyro5.api
import Pyro5.nameserver


@Pyro5.api.expose
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
    """Serve in threads, call from this one."""
    address, names, _ = Pyro5.nameserver.start_ns(host="127.0.0.1", port=0, enableBroadcast=False)
    daemon = Pyro5.api.Daemon(host="127.0.0.1")
    names.nameserver.register("accounts", daemon.register(Accounts()))
    threads = [threading.Thread(target=one.requestLoop) for one in (names, daemon)]
    for thread in threads:
        thread.start()
    host, port = names.locationStr.split(":")
    with Pyro5.api.locate_ns(host=host, port=int(port)) as directory:
        assert str(address).startswith("PYRO:")
        found = directory.lookup("accounts")
    with Pyro5.api.Proxy(found) as accounts:
        for index in range(800):
            accounts.pay(f"account {index % 40}", index)
        assert accounts.pay("account 0", 0) == sum(range(0, 800, 40))
        for _ in range(10):
            assert len(list(accounts.listed())) == 40
        try:
            accounts.pay("account 1", -1)
        except ValueError as error:
            assert "pay" in "".join(Pyro5.errors.get_pyro_traceback(type(error), error, error.__traceback__))
    for one in (daemon, names):
        one.shutdown()
    for thread in threads:
        thread.join()
    for one in (daemon, names):
        one.close()


if __name__ == "__main__":
    main()
