"""Which assumptions fit: break-even timing, sensitivities, market fits."""
