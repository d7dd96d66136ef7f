"""Binance's spot markets as a price source: best prices and trades, without an account."""
