"""Contracts as PDF: template, values, type, pages."""
