"""Language models of the BERT family and XLNet that classify sequences of tokens, built by the transformers library."""
