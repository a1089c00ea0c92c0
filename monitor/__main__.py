"""`python -m monitor`."""

from monitor.app.signals import SignalFlags

if __name__ == "__main__":
    signals = SignalFlags()
    signals.listen()  # before the imports, which take their time: a signal must not end a monitor that starts

    from monitor.cli import main

    main(signals)
