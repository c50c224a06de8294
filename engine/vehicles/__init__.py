"""Layer 4, who earns: operations only. Nothing here mentions a lender."""
